package org.apache.beam.sdk.fn.server;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertTrue;

import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.util.List;
import org.apache.beam.model.pipeline.v1.Endpoints.ApiServiceDescriptor;
import org.apache.beam.vendor.grpc.v1p69p0.io.grpc.Server;
import org.junit.After;
import org.junit.Test;

public class ServerFactoryTest {
  private Server server;

  @After
  public void stop() {
    if (server != null) {
      server.shutdownNow();
    }
  }

  @Test
  public void chosenAddressesAreOnLoopbackAndTold() throws Exception {
    ApiServiceDescriptor.Builder told = ApiServiceDescriptor.newBuilder();
    server = ServerFactory.createDefault().allocateAddressAndCreate(List.of(), told);
    assertEquals("127.0.0.1:" + server.getPort(), told.getUrl());
    assertOnLoopback();
  }

  @Test
  public void urlIsWhatTheFactoryMakesOfIt() throws Exception {
    ApiServiceDescriptor.Builder told = ApiServiceDescriptor.newBuilder();
    server =
        ServerFactory.createWithUrlFactory((host, port) -> "elsewhere:" + port)
            .allocateAddressAndCreate(List.of(), told);
    assertEquals("elsewhere:" + server.getPort(), told.getUrl());
    assertOnLoopback();
  }

  @Test
  public void givenHostIsWhereItListens() throws Exception {
    server = at("localhost:0");
    assertOnLoopback();
  }

  @Test
  public void allInterfacesHaveToBeAskedFor() throws Exception {
    server = at("0.0.0.0:0");
    for (SocketAddress each : server.getListenSockets()) {
      assertTrue(((InetSocketAddress) each).getAddress().isAnyLocalAddress());
    }
  }

  private static Server at(String url) throws Exception {
    return ServerFactory.createDefault()
        .create(List.of(), ApiServiceDescriptor.newBuilder().setUrl(url).build());
  }

  private void assertOnLoopback() {
    assertFalse(server.getListenSockets().isEmpty());
    for (SocketAddress each : server.getListenSockets()) {
      assertTrue(each.toString(), ((InetSocketAddress) each).getAddress().isLoopbackAddress());
    }
  }
}
