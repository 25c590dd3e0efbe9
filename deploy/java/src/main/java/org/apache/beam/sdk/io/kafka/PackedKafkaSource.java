package org.apache.beam.sdk.io.kafka;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.LongSupplier;
import java.util.stream.Collectors;
import org.apache.beam.sdk.coders.ByteArrayCoder;
import org.apache.beam.sdk.coders.Coder;
import org.apache.beam.sdk.io.UnboundedSource;
import org.apache.beam.sdk.io.kafka.KafkaCheckpointMark.PartitionMark;
import org.apache.beam.sdk.options.PipelineOptions;
import org.apache.beam.sdk.transforms.SerializableFunction;
import org.apache.beam.sdk.transforms.windowing.BoundedWindow;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import segments.kafka.AdminTopicOffsets;
import segments.kafka.EventTime;
import segments.kafka.NewPartitions;
import segments.kafka.PackConfig;
import segments.kafka.PackedReader;
import segments.kafka.ReadPositions;
import segments.kafka.TopicClock;
import segments.kafka.TopicOffsets;
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

  /** KafkaIO's offset of a partition that it has read nothing of. */
  private static final long NOTHING_READ = -1;

  /** Records of a poll, unless the configuration says otherwise: Kafka's 500 change threads too often. */
  private static final int POLLED_TOGETHER = 5_000;

  private final PackConfig config;
  private final int id;
  private final int[] partitions;

  /** How many splits the topic was dealt out to; 0 in a checkpoint of before this was kept. */
  private final int splits;

  /** All partitions of the topic. */
  public PackedKafkaSource(PackConfig config) {
    this(config, UNSPLIT, new int[0], 0);
  }

  private PackedKafkaSource(PackConfig config, int id, int[] partitions, int splits) {
    this.config = config;
    this.id = id;
    this.partitions = partitions;
    this.splits = splits;
  }

  /**
   * At most as many splits as asked for, the partitions dealt out in turn. So a partition that is added later has its
   * split, too.
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
      splits.add(new PackedKafkaSource(config, i, dealt.get(i).stream().mapToInt(Integer::intValue).toArray(), count));
    }
    return splits;
  }

  /** As a checkpoint of before has it, in which the number of splits is missing. */
  PackedKafkaSource ofBefore() {
    return new PackedKafkaSource(config, id, partitions, 0);
  }

  @Override
  public UnboundedReader<byte[]> createReader(PipelineOptions options, KafkaCheckpointMark mark) {
    return createReader(options, mark, KafkaConsumer::new, new AdminTopicOffsets(consumerConfig(), config.topic()));
  }

  /** The same with consumers of another making, and another who knows the topic. */
  PackedReader createReader(
      PipelineOptions options,
      KafkaCheckpointMark mark,
      SerializableFunction<Map<String, Object>, Consumer<byte[], byte[]>> factory,
      TopicOffsets offsets) {
    if (partitions.length == 0) {
      throw new IllegalStateException(config + ": expected the source to be split before it is read");
    }
    // A checkpoint also knows the partitions that were added since the job began.
    List<TopicPartition> own = mark == null ? partitions() : partitions(mark);
    ReadPositions positions = new ReadPositions();
    LongSupplier wall = System::currentTimeMillis;
    TopicClock clock = new TopicClock(offsets, config, daemon("topic-clock"), wall);
    NewPartitions arrivals =
        new NewPartitions(
            offsets,
            partition -> splits > 0 && partition % splits == id,
            own.stream().map(TopicPartition::partition).collect(Collectors.toList()),
            daemon("topic-partitions"),
            wall);
    EventTime time = new EventTime(config, positions, clock, arrivals, wall);
    WatchedConsumers consumers =
        new WatchedConsumers(factory, config.startsAtEnd() ? partitions() : List.of(), positions);
    PackedReader.Growth growth =
        (reader, added) -> {
          KafkaCheckpointMark reached = (KafkaCheckpointMark) reader.getCheckpointMark();
          reader.close();
          return reader(options, withPartitions(reached, added), consumers, time);
        };
    return new PackedReader(
        this, reader(options, mark == null ? initial() : mark, consumers, time), config, System::nanoTime, time, growth);
  }

  /** KafkaIO's reader of the partitions that a mark names. */
  private UnboundedReader<KafkaRecord<byte[], byte[]>> reader(
      PipelineOptions options, KafkaCheckpointMark mark, WatchedConsumers consumers, EventTime time) {
    KafkaIO.Read<byte[], byte[]> read =
        read(consumers).withTopicPartitions(partitions(mark)).withTimestampPolicyFactory(time::policy);
    return new KafkaUnboundedSource<>(read, id).createReader(options, mark);
  }

  /** A mark of before anything was read. */
  private KafkaCheckpointMark initial() {
    KafkaCheckpointMark nothing = new KafkaCheckpointMark(List.of(), Optional.empty());
    return withPartitions(nothing, Arrays.stream(partitions).boxed().collect(Collectors.toList()));
  }

  /** A mark with further partitions, of which nothing has been read. */
  private KafkaCheckpointMark withPartitions(KafkaCheckpointMark mark, Collection<Integer> added) {
    List<PartitionMark> marks = new ArrayList<>(mark.getPartitions());
    long unknown = BoundedWindow.TIMESTAMP_MIN_VALUE.getMillis();
    added.forEach(partition -> marks.add(new PartitionMark(config.topic(), partition, NOTHING_READ, unknown)));
    return new KafkaCheckpointMark(marks, Optional.empty());
  }

  private static List<TopicPartition> partitions(KafkaCheckpointMark mark) {
    return mark.getPartitions().stream()
        .map(each -> new TopicPartition(each.getTopic(), each.getPartition()))
        .collect(Collectors.toList());
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

  private static ExecutorService daemon(String name) {
    return Executors.newSingleThreadExecutor(
        task -> {
          Thread thread = new Thread(task, name);
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
