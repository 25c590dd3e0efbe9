package segments.kafka;

import java.util.Map;
import org.apache.kafka.common.TopicPartition;

/** What the brokers know about a topic. Every call may block; all are made from one thread. */
public interface TopicOffsets extends AutoCloseable {
  /**
   * Highest timestamp of the records in the topic, over all partitions, in milliseconds since the epoch.
   *
   * @return a negative number if there is none
   */
  long highestTimestamp() throws Exception;

  /** Where the reader's own partitions end: the offset after their last record, committed or not. */
  Map<TopicPartition, Long> ends() throws Exception;
}
