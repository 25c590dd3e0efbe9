package org.apache.beam.runners.fnexecution.control;

import java.nio.charset.StandardCharsets;
import java.util.List;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.BundleApplication;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.DelayedBundleApplication;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleResponse;
import org.apache.beam.runners.core.StateInternalsFactory;
import org.apache.beam.runners.core.StateNamespace;
import org.apache.beam.runners.core.StateNamespaces;
import org.apache.beam.runners.core.StateTags;
import org.apache.beam.runners.core.TimerInternalsFactory;
import org.apache.beam.sdk.coders.Coder;
import org.apache.beam.sdk.fn.IdGenerator;
import org.apache.beam.sdk.fn.IdGenerators;
import org.apache.beam.sdk.state.TimeDomain;
import org.apache.beam.sdk.transforms.windowing.BoundedWindow;
import org.apache.beam.sdk.util.CoderUtils;
import org.apache.beam.sdk.values.WindowedValue;
import org.apache.beam.sdk.values.WindowedValues;
import org.joda.time.Instant;

/**
 * Stands in for Beam's class of this name, which keeps each remainder of a splittable DoFn in a state with a name of its
 * own and never forgets one: a source that polls makes a RocksDB column family with every bundle (apache/beam#27648,
 * repaired in Beam after 2.70; this goes when {@code beam.version} has the repair).
 *
 * <p>Remainders whose restriction bears {@link #ONE_AT_A_TIME} share one name: there is never more than one of them
 * under a key. All others are kept as Beam keeps them.
 */
public class BundleCheckpointHandlers {

  /** What such a restriction begins with: {@code pipeline/io/pubsub_source.py} writes it. */
  static final byte[] ONE_AT_A_TIME = "segments:one-at-a-time:".getBytes(StandardCharsets.US_ASCII);

  /** Keeps a remainder in a state, and sets a timer for going on with it. */
  public static class StateAndTimerBundleCheckpointHandler<T> implements BundleCheckpointHandler {

    public static final String SDF_PREFIX = "sdf_checkpoint";

    private final TimerInternalsFactory<T> timers;
    private final StateInternalsFactory<T> states;
    private final Coder<WindowedValue<T>> coder;

    @SuppressWarnings("rawtypes")
    private final Coder windowCoder;

    private final IdGenerator ids = IdGenerators.incrementingLongs();

    @SuppressWarnings("rawtypes")
    public StateAndTimerBundleCheckpointHandler(
        TimerInternalsFactory<T> timers,
        StateInternalsFactory<T> states,
        Coder<WindowedValue<T>> coder,
        Coder windowCoder) {
      this.timers = timers;
      this.states = states;
      this.coder = coder;
      this.windowCoder = windowCoder;
    }

    public static boolean isSdfTimer(String timerId) {
      return timerId.startsWith(SDF_PREFIX);
    }

    @Override
    public void onCheckpoint(ProcessBundleResponse response) {
      String bundle = ids.getId();
      List<DelayedBundleApplication> remainders = response.getResidualRootsList();
      for (int index = 0; index < remainders.size(); index++) {
        DelayedBundleApplication remainder = remainders.get(index);
        if (!remainder.hasApplication()) {
          continue;
        }
        byte[] element = remainder.getApplication().getElement().toByteArray();
        String name = contains(element, ONE_AT_A_TIME) ? SDF_PREFIX : SDF_PREFIX + ":" + bundle + ":" + index;
        Instant at = Instant.now();
        if (remainder.hasRequestedTimeDelay()) {
          at = at.plus(remainder.getRequestedTimeDelay().getSeconds() * 1000);
        }
        try {
          keep(name, CoderUtils.decodeFromByteArray(coder, element), at, hold(remainder.getApplication()));
        } catch (Exception e) {
          throw new RuntimeException("The remainder of a splittable DoFn could not be kept", e);
        }
      }
    }

    @SuppressWarnings("unchecked")
    private void keep(String name, WindowedValue<T> value, Instant at, Instant hold) {
      for (BoundedWindow window : value.getWindows()) {
        StateNamespace namespace = StateNamespaces.window(windowCoder, window);
        timers
            .timerInternalsForKey(value.getValue())
            .setTimer(namespace, name, "", at, hold, TimeDomain.PROCESSING_TIME);
        WindowedValue<T> kept =
            WindowedValues.of(value.getValue(), value.getTimestamp(), List.of(window), value.getPaneInfo());
        states
            .stateInternalsForKey(value.getValue())
            .state(namespace, StateTags.value(name, coder))
            .write(kept);
      }
    }

    /** Event time that the remainder holds back. Whole milliseconds: a tick settles up to a second sooner for it. */
    private static Instant hold(BundleApplication application) {
      return application.getOutputWatermarksMap().values().stream()
          .map(each -> Instant.ofEpochMilli(each.getSeconds() * 1000 + each.getNanos() / 1_000_000))
          .min(Instant::compareTo)
          .orElse(BoundedWindow.TIMESTAMP_MIN_VALUE);
    }
  }

  private static boolean contains(byte[] bytes, byte[] part) {
    for (int start = 0; start + part.length <= bytes.length; start++) {
      int same = 0;
      while (same < part.length && bytes[start + same] == part[same]) {
        same++;
      }
      if (same == part.length) {
        return true;
      }
    }
    return false;
  }
}
