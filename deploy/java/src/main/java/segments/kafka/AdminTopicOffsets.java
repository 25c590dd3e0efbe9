package segments.kafka;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.admin.ListOffsetsResult.ListOffsetsResultInfo;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/** Asks the brokers, with clients of its own, which are made at the first question. */
public final class AdminTopicOffsets implements TopicOffsets {
  private static final long TIMEOUT_SECONDS = 10;
  private static final long TAILS_NANOS = TimeUnit.SECONDS.toNanos(1);
  private static final Duration POLL = Duration.ofMillis(100);

  /** Bytes of a partition that are fetched at once: of a tail only the times count. */
  private static final int FETCHED_BYTES = 64 * 1024;

  private final Map<String, Object> consumerConfig;
  private final String topic;
  private final Object reading = new Object();
  private Admin admin;
  private Consumer<byte[], byte[]> consumer;
  private volatile boolean closed;

  /**
   * @param consumerConfig the consumer's settings: the admin client takes those that it knows
   * @param topic the topic
   */
  public AdminTopicOffsets(Map<String, Object> consumerConfig, String topic) {
    this.consumerConfig = consumerConfig;
    this.topic = topic;
  }

  @Override
  public int partitions() throws Exception {
    return client()
        .describeTopics(List.of(topic))
        .allTopicNames()
        .get(TIMEOUT_SECONDS, TimeUnit.SECONDS)
        .get(topic)
        .partitions()
        .size();
  }

  @Override
  public Map<TopicPartition, Long> ends() throws Exception {
    return offsets(partitions(), OffsetSpec.latest());
  }

  private Map<TopicPartition, Long> offsets(int partitions, OffsetSpec wanted) throws Exception {
    Map<TopicPartition, OffsetSpec> questions = new HashMap<>();
    for (int partition = 0; partition < partitions; partition++) {
      questions.put(new TopicPartition(topic, partition), wanted);
    }
    Map<TopicPartition, ListOffsetsResultInfo> answers =
        client().listOffsets(questions).all().get(TIMEOUT_SECONDS, TimeUnit.SECONDS);
    Map<TopicPartition, Long> found = new HashMap<>();
    answers.forEach((partition, info) -> found.put(partition, info.offset()));
    return found;
  }

  @Override
  public Map<TopicPartition, long[]> tails(Map<TopicPartition, Long> ends, int most) {
    synchronized (reading) {
      Consumer<byte[], byte[]> reader = reader();
      Map<TopicPartition, Long> starts = reader.beginningOffsets(ends.keySet());
      Map<TopicPartition, List<Long>> found = new HashMap<>();
      reader.assign(ends.keySet());
      ends.forEach(
          (partition, end) -> {
            reader.seek(partition, Math.max(starts.get(partition), end - most));
            found.put(partition, new ArrayList<>());
          });
      long deadline = System.nanoTime() + TAILS_NANOS;
      while (!ends.isEmpty() && behind(reader, ends) && System.nanoTime() < deadline && !closed) {
        for (ConsumerRecord<byte[], byte[]> record : reader.poll(POLL)) {
          found.get(new TopicPartition(record.topic(), record.partition())).add(record.timestamp());
        }
      }
      found.keySet().removeIf(partition -> reader.position(partition) < ends.get(partition));
      Map<TopicPartition, long[]> tails = new HashMap<>();
      found.forEach((partition, times) -> tails.put(partition, last(times, most)));
      reader.unsubscribe();
      return tails;
    }
  }

  private static boolean behind(Consumer<?, ?> reader, Map<TopicPartition, Long> ends) {
    return ends.entrySet().stream().anyMatch(each -> reader.position(each.getKey()) < each.getValue());
  }

  private static long[] last(List<Long> times, int most) {
    return times.stream().skip(Math.max(0, times.size() - most)).mapToLong(Long::longValue).toArray();
  }

  private Consumer<byte[], byte[]> reader() {
    if (closed) {
      throw new IllegalStateException("closed");
    }
    if (consumer == null) {
      Map<String, Object> config = new HashMap<>(consumerConfig);
      config.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
      config.put(ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG, FETCHED_BYTES);
      consumer = new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }
    return consumer;
  }

  private synchronized Admin client() {
    if (closed) {
      throw new IllegalStateException("closed");
    }
    if (admin == null) {
      admin = Admin.create(adminConfig(consumerConfig));
    }
    return admin;
  }

  /** The settings that an admin client knows too, and those of the providers that resolve the values. */
  static Map<String, Object> adminConfig(Map<String, Object> consumerConfig) {
    Collection<String> known = AdminClientConfig.configNames();
    Map<String, Object> config = new HashMap<>(consumerConfig);
    config.keySet().removeIf(key -> !known.contains(key) && !key.startsWith("config.providers"));
    return config;
  }

  @Override
  public void close() {
    synchronized (this) {
      closed = true;
      if (admin != null) {
        admin.close(Duration.ZERO);
      }
    }
    synchronized (reading) {
      if (consumer != null) {
        consumer.close(Duration.ZERO);
      }
    }
  }
}
