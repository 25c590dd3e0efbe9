package org.apache.beam.sdk.io.kafka;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.LongSupplier;
import java.util.stream.Collectors;
import org.apache.beam.sdk.coders.ByteArrayCoder;
import org.apache.beam.sdk.coders.Coder;
import org.apache.beam.sdk.io.UnboundedSource;
import org.apache.beam.sdk.options.PipelineOptions;
import org.apache.beam.sdk.transforms.SerializableFunction;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import segments.kafka.AdminTopicOffsets;
import segments.kafka.EventTimePolicy;
import segments.kafka.PackConfig;
import segments.kafka.PackedReader;
import segments.kafka.ReadPositions;
import segments.kafka.TopicClock;
import segments.kafka.WatchedConsumers;

/**
 * Reads a topic in packs: KafkaIO's own unbounded source, wrapped so that many records cross to the Python worker as
 * one element. It reads at least once from its checkpoints and loses nothing.
 *
 * <p>It stands in this package because KafkaIO keeps its source to itself; it is written against Beam 2.70. Its
 * serialized form, which the runner keeps in checkpoints, is the configuration and the partitions alone and so does not
 * depend on Beam's version.
 */
public final class PackedKafkaSource extends UnboundedSource<byte[], KafkaCheckpointMark> {
  private static final long serialVersionUID = 1;
  private static final int UNSPLIT = -1;

  /** Records of a poll, unless the configuration says otherwise: Kafka's 500 change threads too often. */
  private static final int POLLED_TOGETHER = 5_000;

  private final PackConfig config;
  private final int id;
  private final int[] partitions;

  /** All partitions of the topic, as they are when the job starts. */
  public PackedKafkaSource(PackConfig config) {
    this(config, UNSPLIT, new int[0]);
  }

  private PackedKafkaSource(PackConfig config, int id, int[] partitions) {
    this.config = config;
    this.id = id;
    this.partitions = partitions;
  }

  /**
   * At most as many splits as asked for, the partitions dealt out in turn.
   *
   * @throws IllegalStateException if the topic does not exist
   */
  @Override
  public List<PackedKafkaSource> split(int desiredNumSplits, PipelineOptions options) throws Exception {
    return split(desiredNumSplits, options, KafkaConsumer::new);
  }

  /** The same with consumers of another making. */
  List<PackedKafkaSource> split(
      int desiredNumSplits,
      PipelineOptions options,
      SerializableFunction<Map<String, Object>, Consumer<byte[], byte[]>> factory)
      throws Exception {
    KafkaIO.Read<byte[], byte[]> read = read(factory).withTopic(config.topic());
    List<TopicPartition> all =
        new KafkaUnboundedSource<>(read, UNSPLIT).split(1, options).get(0).getSpec().getTopicPartitions();
    int count = Math.min(desiredNumSplits, all.size());
    List<List<Integer>> dealt = new ArrayList<>();
    for (int i = 0; i < all.size(); i++) {
      if (i < count) {
        dealt.add(new ArrayList<>());
      }
      dealt.get(i % count).add(all.get(i).partition());
    }
    List<PackedKafkaSource> splits = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      splits.add(new PackedKafkaSource(config, i, dealt.get(i).stream().mapToInt(Integer::intValue).toArray()));
    }
    return splits;
  }

  @Override
  public UnboundedReader<byte[]> createReader(PipelineOptions options, KafkaCheckpointMark mark) {
    return createReader(options, mark, KafkaConsumer::new);
  }

  /** The same with consumers of another making. */
  PackedReader createReader(
      PipelineOptions options,
      KafkaCheckpointMark mark,
      SerializableFunction<Map<String, Object>, Consumer<byte[], byte[]>> factory) {
    if (partitions.length == 0) {
      throw new IllegalStateException(config + ": expected the source to be split before it is read");
    }
    List<TopicPartition> own = partitions();
    ReadPositions positions = new ReadPositions();
    LongSupplier wall = System::currentTimeMillis;
    AdminTopicOffsets offsets =
        new AdminTopicOffsets(consumerConfig(), config.topic(), own, config.futureMillis(), wall);
    TopicClock clock = new TopicClock(offsets, daemon(), wall);
    KafkaIO.Read<byte[], byte[]> read =
        read(new WatchedConsumers(factory, config.startsAtEnd(), positions))
            .withTopicPartitions(own)
            .withTimestampPolicyFactory(
                (partition, previous) ->
                    new EventTimePolicy(partition, previous, config, positions, clock, wall));
    UnboundedReader<KafkaRecord<byte[], byte[]>> records =
        new KafkaUnboundedSource<>(read, id).createReader(options, mark);
    return new PackedReader(this, records, config, System::nanoTime, clock);
  }

  private KafkaIO.Read<byte[], byte[]> read(
      SerializableFunction<Map<String, Object>, Consumer<byte[], byte[]>> factory) {
    KafkaIO.Read<byte[], byte[]> read =
        KafkaIO.readBytes().withConsumerConfigUpdates(consumerConfig()).withConsumerFactoryFn(factory);
    return config.commitOffsets() ? read.commitOffsetsInFinalize() : read;
  }

  /**
   * The consumer's settings. A job whose checkpoint points at records that have expired fails rather than skipping
   * them: where it begins without a checkpoint is decided by seeking.
   */
  private Map<String, Object> consumerConfig() {
    Map<String, Object> settings = new HashMap<>(Map.of(ConsumerConfig.MAX_POLL_RECORDS_CONFIG, POLLED_TOGETHER));
    settings.putAll(config.consumerConfig());
    settings.put(ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG, config.bootstrapServers());
    settings.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false);
    settings.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "none");
    return settings;
  }

  private List<TopicPartition> partitions() {
    List<TopicPartition> own = new ArrayList<>();
    for (int partition : partitions) {
      own.add(new TopicPartition(config.topic(), partition));
    }
    return own;
  }

  private static ExecutorService daemon() {
    return Executors.newSingleThreadExecutor(
        task -> {
          Thread thread = new Thread(task, "topic-clock");
          thread.setDaemon(true);
          return thread;
        });
  }

  @Override
  public Coder<KafkaCheckpointMark> getCheckpointMarkCoder() {
    return new KafkaUnboundedSource<>(KafkaIO.readBytes(), UNSPLIT).getCheckpointMarkCoder();
  }

  @Override
  public Coder<byte[]> getOutputCoder() {
    return ByteArrayCoder.of();
  }

  @Override
  public String toString() {
    return partitions().stream().map(TopicPartition::toString).collect(Collectors.joining(", ", config + " [", "]"));
  }
}
