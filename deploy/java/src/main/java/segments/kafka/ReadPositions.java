package segments.kafka;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.common.TopicPartition;

/**
 * How far a reader's consumer has come in each partition. Written by the thread that polls, read by the one that gives
 * records out.
 *
 * <p>KafkaIO's own backlog would not do: its end offsets are up to a second old, and it never reaches zero where a
 * partition ends with the marker of a transaction, which is an offset without a record.
 */
public final class ReadPositions {
  private final Map<TopicPartition, Long> fetched = new ConcurrentHashMap<>();
  private final Map<TopicPartition, Long> positions = new ConcurrentHashMap<>();
  private final Map<TopicPartition, Boolean> ends = new ConcurrentHashMap<>();

  /** Notes what a poll has brought. The records go first: a position implies that what lies before it is known. */
  void polled(Consumer<?, ?> consumer, ConsumerRecords<?, ?> records) {
    for (ConsumerRecord<?, ?> record : records) {
      fetched.merge(new TopicPartition(record.topic(), record.partition()), record.offset(), Math::max);
    }
    for (TopicPartition partition : consumer.assignment()) {
      positions.put(partition, consumer.position(partition));
      ends.put(partition, consumer.currentLag(partition).orElse(-1) == 0);
    }
  }

  /**
   * Whether every record before an offset has been given out.
   *
   * @param partition one of the reader's
   * @param end the offset in question
   * @param given offset of the last record given out, -1 before the first
   */
  boolean drained(TopicPartition partition, long end, long given) {
    Long position = positions.get(partition);
    return given >= end - 1 && given >= 0 || position != null && position >= end && givenOut(partition, given);
  }

  /**
   * Whether the partition had nothing more when it was fetched from last, and all of that has been given out. Known
   * without asking the brokers, and up to half a second old.
   *
   * @param partition one of the reader's
   * @param given offset of the last record given out, -1 before the first
   */
  boolean atEnd(TopicPartition partition, long given) {
    return ends.getOrDefault(partition, false) && givenOut(partition, given);
  }

  private boolean givenOut(TopicPartition partition, long given) {
    Long last = fetched.get(partition);
    return last == null || last <= given;
  }
}
