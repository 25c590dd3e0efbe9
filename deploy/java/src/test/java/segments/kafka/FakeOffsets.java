package segments.kafka;

import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.common.TopicPartition;

/** A topic as the brokers would tell of it. */
public final class FakeOffsets implements TopicOffsets {
  public final Map<TopicPartition, Long> ends = new HashMap<>();
  public final Map<TopicPartition, long[]> tails = new HashMap<>();
  public int partitions = 1;
  public int rounds;
  public boolean closed;
  public Exception failure;

  @Override
  public int partitions() throws Exception {
    fail();
    return partitions;
  }

  @Override
  public Map<TopicPartition, Long> ends() throws Exception {
    rounds++;
    fail();
    return Map.copyOf(ends);
  }

  @Override
  public Map<TopicPartition, long[]> tails(Map<TopicPartition, Long> wanted, int most) {
    Map<TopicPartition, long[]> found = new HashMap<>();
    wanted.keySet().forEach(partition -> found.put(partition, tails.getOrDefault(partition, new long[0])));
    return found;
  }

  private void fail() throws Exception {
    if (failure != null) {
      throw failure;
    }
  }

  @Override
  public void close() {
    closed = true;
  }
}
