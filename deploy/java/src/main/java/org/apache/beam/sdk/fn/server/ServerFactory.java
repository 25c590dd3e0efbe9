package org.apache.beam.sdk.fn.server;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.apache.beam.model.pipeline.v1.Endpoints.ApiServiceDescriptor;
import org.apache.beam.vendor.grpc.v1p69p0.io.grpc.BindableService;
import org.apache.beam.vendor.grpc.v1p69p0.io.grpc.Server;
import org.apache.beam.vendor.grpc.v1p69p0.io.grpc.ServerInterceptors;
import org.apache.beam.vendor.grpc.v1p69p0.io.grpc.netty.NettyServerBuilder;
import org.apache.beam.vendor.guava.v32_1_2_jre.com.google.common.net.HostAndPort;

/**
 * Stands in for Beam's class of this name, whose servers listen on all interfaces whatever host they are given: anyone
 * who reaches the machine could submit a job or speak to its workers. These listen where the host is, and those that
 * choose their own address on loopback. (Beam names that one to its workers as localhost too, so nobody elsewhere was
 * ever told another.)
 *
 * <p>Of Beam's class it has what the runner, the job server and the expansion service use.
 */
public abstract class ServerFactory {

  /** Beam's own limit: clients may ask as often whether the server is still there. */
  private static final int KEEP_ALIVE_SECONDS = 20;

  /** Makes the address that clients are told. */
  public interface UrlFactory {
    String createUrl(String host, int port);
  }

  public static ServerFactory createDefault() {
    return createWithPortSupplier(() -> 0);
  }

  public static ServerFactory createWithPortSupplier(Supplier<Integer> ports) {
    return createWithUrlFactoryAndPortSupplier(
        (host, port) -> HostAndPort.fromParts(host, port).toString(), ports);
  }

  public static ServerFactory createWithUrlFactory(UrlFactory urls) {
    return createWithUrlFactoryAndPortSupplier(urls, () -> 0);
  }

  public static ServerFactory createWithUrlFactoryAndPortSupplier(
      UrlFactory urls, Supplier<Integer> ports) {
    return new AtOneAddress(urls, ports);
  }

  /** Starts a server at an address of its own choice, and writes that into the descriptor. */
  public abstract Server allocateAddressAndCreate(
      List<BindableService> services, ApiServiceDescriptor.Builder descriptor) throws IOException;

  /** Starts a server at the address in the descriptor. */
  public abstract Server create(List<BindableService> services, ApiServiceDescriptor descriptor)
      throws IOException;

  private static final class AtOneAddress extends ServerFactory {
    private final UrlFactory urls;
    private final Supplier<Integer> ports;

    private AtOneAddress(UrlFactory urls, Supplier<Integer> ports) {
      this.urls = urls;
      this.ports = ports;
    }

    @Override
    public Server allocateAddressAndCreate(
        List<BindableService> services, ApiServiceDescriptor.Builder descriptor)
        throws IOException {
      InetAddress loopback = InetAddress.getLoopbackAddress();
      Server server = start(services, new InetSocketAddress(loopback, ports.get()));
      descriptor.setUrl(urls.createUrl(loopback.getHostAddress(), server.getPort()));
      return server;
    }

    @Override
    public Server create(List<BindableService> services, ApiServiceDescriptor descriptor)
        throws IOException {
      HostAndPort place = HostAndPort.fromString(descriptor.getUrl());
      return start(services, new InetSocketAddress(place.getHost(), place.getPort()));
    }

    private static Server start(List<BindableService> services, InetSocketAddress address)
        throws IOException {
      NettyServerBuilder builder =
          NettyServerBuilder.forAddress(address)
              .maxInboundMessageSize(Integer.MAX_VALUE)
              .permitKeepAliveTime(KEEP_ALIVE_SECONDS, TimeUnit.SECONDS);
      for (BindableService service : services) {
        builder.addService(
            ServerInterceptors.intercept(service, GrpcContextHeaderAccessorProvider.interceptor()));
      }
      return builder.build().start();
    }
  }
}
