package segments.kafka;

import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.admin.ListOffsetsResult.ListOffsetsResultInfo;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.TopicPartitionInfo;

/** Asks the brokers with Kafka's admin client, which is made at the first question. */
public final class AdminTopicOffsets implements TopicOffsets {
  private static final long TIMEOUT_SECONDS = 10;
  private static final long NONE = -1;

  private final Map<String, Object> consumerConfig;
  private final String topic;
  private final List<TopicPartition> own;
  private final long futureMillis;
  private final LongSupplier wallMillis;
  private Admin admin;
  private boolean closed;

  /**
   * @param consumerConfig the consumer's settings: the admin client takes those that it knows
   * @param topic the topic
   * @param own the reader's partitions of it
   * @param futureMillis partitions whose highest timestamp is further ahead of the wall clock are left out
   * @param wallMillis the wall clock, in milliseconds since the epoch
   */
  public AdminTopicOffsets(
      Map<String, Object> consumerConfig,
      String topic,
      List<TopicPartition> own,
      long futureMillis,
      LongSupplier wallMillis) {
    this.consumerConfig = consumerConfig;
    this.topic = topic;
    this.own = own;
    this.futureMillis = futureMillis;
    this.wallMillis = wallMillis;
  }

  @Override
  public long highestTimestamp() throws Exception {
    TopicDescription description =
        client().describeTopics(List.of(topic)).allTopicNames().get(TIMEOUT_SECONDS, TimeUnit.SECONDS).get(topic);
    Map<TopicPartition, OffsetSpec> questions = new HashMap<>();
    for (TopicPartitionInfo info : description.partitions()) {
      questions.put(new TopicPartition(topic, info.partition()), OffsetSpec.maxTimestamp());
    }
    long limit = wallMillis.getAsLong() + futureMillis;
    return list(questions).values().stream()
        .mapToLong(ListOffsetsResultInfo::timestamp)
        .filter(timestamp -> timestamp <= limit)
        .max()
        .orElse(NONE);
  }

  @Override
  public Map<TopicPartition, Long> ends() throws Exception {
    Map<TopicPartition, OffsetSpec> questions = new HashMap<>();
    own.forEach(partition -> questions.put(partition, OffsetSpec.latest()));
    Map<TopicPartition, Long> ends = new HashMap<>();
    list(questions).forEach((partition, info) -> ends.put(partition, info.offset()));
    return ends;
  }

  private Map<TopicPartition, ListOffsetsResultInfo> list(Map<TopicPartition, OffsetSpec> questions) throws Exception {
    return client().listOffsets(questions).all().get(TIMEOUT_SECONDS, TimeUnit.SECONDS);
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
  public synchronized void close() {
    closed = true;
    if (admin != null) {
      admin.close(Duration.ZERO);
    }
  }
}
