package segments.kafka;

import java.io.Serializable;
import java.util.HashMap;
import java.util.Map;

/**
 * What to read and how large the packs may get. The expansion service fills it by its setters from the fields of the
 * caller's payload (snake_case or camelCase); fields that are left out keep their defaults.
 *
 * <p>It is part of the source's state in checkpoints: a job that resumes keeps the configuration it was started with.
 */
public final class PackConfig implements Serializable {
  private static final long serialVersionUID = 1;
  private static final long AHEAD_MILLIS = 10_000;
  private static final long LAG_MILLIS = 600_000;

  private String bootstrapServers = "";
  private String topic = "";
  private HashMap<String, String> consumerConfig = new HashMap<>();
  private long idleMillis = 5_000;
  // Null in a checkpoint of before there were these.
  private Long aheadMillis = AHEAD_MILLIS;
  private Long lagMillis = LAG_MILLIS;
  private long maxRecords = 1_000;
  private long maxBytes = 256 * 1024;
  private long packMillis = 5;
  private boolean commitOffsets = false;

  /** Brokers to ask first, {@code host:port[,host:port…]}. Required. */
  public void setBootstrapServers(String servers) {
    bootstrapServers = servers;
  }

  /** The topic to read, all of its partitions. Required. */
  public void setTopic(String topic) {
    this.topic = topic;
  }

  /**
   * Settings of the Kafka consumer. {@code auto.offset.reset} (earliest, the default, or latest) is where a job without
   * a checkpoint begins, whatever its group has committed.
   */
  public void setConsumerConfig(Map<String, String> config) {
    consumerConfig = new HashMap<>(config);
  }

  /** Milliseconds of wall time without a record after which a partition that is read up to its end counts as idle. */
  public void setIdleMillis(Long millis) {
    idleMillis = millis;
  }

  /** A record that lies further ahead of most recent ones than this, in milliseconds, moves no time by itself. */
  public void setAheadMillis(Long millis) {
    aheadMillis = millis;
  }

  /**
   * A partition that is read up to its end and lies further behind the rest of the topic than this, in milliseconds,
   * does not hold event time, where the rest is no further behind the wall clock.
   */
  public void setLagMillis(Long millis) {
    lagMillis = millis;
  }

  /** Most records in a pack. */
  public void setMaxRecords(Long records) {
    maxRecords = records;
  }

  /** A pack is closed when it has reached this size in bytes: its last record may exceed it. */
  public void setMaxBytes(Long bytes) {
    maxBytes = bytes;
  }

  /** Milliseconds after which a pack is closed although more records are waiting. */
  public void setPackMillis(Long millis) {
    packMillis = millis;
  }

  /** Whether the consumer group's offsets follow the completed checkpoints: for monitoring its lag, never read back. */
  public void setCommitOffsets(Boolean commit) {
    commitOffsets = commit;
  }

  public String bootstrapServers() {
    return bootstrapServers;
  }

  public String topic() {
    return topic;
  }

  public Map<String, String> consumerConfig() {
    return consumerConfig;
  }

  public long idleMillis() {
    return idleMillis;
  }

  public long aheadMillis() {
    return aheadMillis == null ? AHEAD_MILLIS : aheadMillis;
  }

  public long lagMillis() {
    return lagMillis == null ? LAG_MILLIS : lagMillis;
  }

  public long maxRecords() {
    return maxRecords;
  }

  public long maxBytes() {
    return maxBytes;
  }

  public long packMillis() {
    return packMillis;
  }

  public boolean commitOffsets() {
    return commitOffsets;
  }

  /** Whether a job without a checkpoint begins at the end of the topic instead of at its beginning. */
  public boolean startsAtEnd() {
    return "latest".equals(consumerConfig.get("auto.offset.reset"));
  }

  /**
   * Checks every field.
   *
   * @return this
   * @throws IllegalArgumentException that names the field and what was expected
   */
  public PackConfig checked() {
    require(!bootstrapServers.isBlank(), "bootstrapServers: expected host:port, found nothing");
    require(!topic.isBlank(), "topic: expected the name of a topic, found nothing");
    require(idleMillis >= 0, "idleMillis: expected 0 or more, found " + idleMillis);
    require(aheadMillis() >= 0, "aheadMillis: expected 0 or more, found " + aheadMillis);
    require(lagMillis() >= 0, "lagMillis: expected 0 or more, found " + lagMillis);
    require(maxRecords >= 1, "maxRecords: expected 1 or more, found " + maxRecords);
    require(maxBytes >= 1, "maxBytes: expected 1 or more, found " + maxBytes);
    require(packMillis >= 0, "packMillis: expected 0 or more, found " + packMillis);
    String start = consumerConfig.getOrDefault("auto.offset.reset", "earliest");
    require(
        start.equals("earliest") || start.equals("latest"),
        "consumerConfig[auto.offset.reset]: expected earliest or latest, found " + start);
    require(
        !commitOffsets || consumerConfig.containsKey("group.id"),
        "commitOffsets: expected group.id in consumerConfig, found none");
    return this;
  }

  private static void require(boolean condition, String message) {
    if (!condition) {
      throw new IllegalArgumentException(message);
    }
  }

  @Override
  public String toString() {
    return topic + " at " + bootstrapServers;
  }
}
