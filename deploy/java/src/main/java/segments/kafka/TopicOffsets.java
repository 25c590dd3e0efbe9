package segments.kafka;

import java.util.Map;
import org.apache.kafka.common.TopicPartition;

/** What the brokers know about a topic. Every call may block. */
public interface TopicOffsets extends AutoCloseable {
  /** How many partitions the topic has. */
  int partitions() throws Exception;

  /** Where all partitions of the topic end: the offset after their last record, committed or not. */
  Map<TopicPartition, Long> ends() throws Exception;

  /**
   * The timestamps of the last records of some partitions, oldest first. Called from one thread.
   *
   * @param ends the partitions, and where they end
   * @param most records of each, at most
   * @return by partition, in milliseconds since the epoch; what can't be had within a second is left out
   */
  Map<TopicPartition, long[]> tails(Map<TopicPartition, Long> ends, int most) throws Exception;
}
