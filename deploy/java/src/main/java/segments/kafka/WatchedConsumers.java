package segments.kafka;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.apache.beam.sdk.transforms.SerializableFunction;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.common.TopicPartition;

/**
 * Makes a reader's consumers, which differ from Kafka's in two ways: they note their positions, and without a
 * checkpoint they begin at a partition's start or end, never at an offset that their group has committed: the job's
 * state would not go with it.
 */
public final class WatchedConsumers implements SerializableFunction<Map<String, Object>, Consumer<byte[], byte[]>> {
  private final SerializableFunction<Map<String, Object>, Consumer<byte[], byte[]>> factory;
  private final ArrayList<TopicPartition> fromEnd;
  private final transient ReadPositions positions;

  /**
   * @param factory makes a plain consumer from its settings
   * @param fromEnd the partitions whose end is where to begin; the others begin at their start
   * @param positions where to note them
   */
  public WatchedConsumers(
      SerializableFunction<Map<String, Object>, Consumer<byte[], byte[]>> factory,
      Collection<TopicPartition> fromEnd,
      ReadPositions positions) {
    this.factory = factory;
    this.fromEnd = new ArrayList<>(fromEnd);
    this.positions = positions;
  }

  @Override
  @SuppressWarnings("unchecked")
  public Consumer<byte[], byte[]> apply(Map<String, Object> config) {
    Consumer<byte[], byte[]> plain = factory.apply(config);
    return (Consumer<byte[], byte[]>)
        Proxy.newProxyInstance(
            Consumer.class.getClassLoader(),
            new Class<?>[] {Consumer.class},
            (proxy, method, arguments) -> call(plain, method, arguments));
  }

  @SuppressWarnings("unchecked")
  private Object call(Consumer<byte[], byte[]> plain, Method method, Object[] arguments) throws Throwable {
    Object result;
    try {
      result = method.invoke(plain, arguments);
    } catch (InvocationTargetException e) {
      throw e.getCause();
    }
    if (method.getName().equals("assign")) {
      seekToStart(plain, (Collection<TopicPartition>) arguments[0]);
    } else if (method.getName().equals("poll")) {
      positions.polled(plain, (ConsumerRecords<?, ?>) result);
    }
    return result;
  }

  /** A reader that resumes seeks to its checkpoint's offsets after this. */
  private void seekToStart(Consumer<byte[], byte[]> plain, Collection<TopicPartition> partitions) {
    Map<Boolean, List<TopicPartition>> parts =
        partitions.stream().collect(Collectors.partitioningBy(fromEnd::contains));
    // Without partitions, either would mean all.
    if (!parts.get(true).isEmpty()) {
      plain.seekToEnd(parts.get(true));
    }
    if (!parts.get(false).isEmpty()) {
      plain.seekToBeginning(parts.get(false));
    }
  }
}
