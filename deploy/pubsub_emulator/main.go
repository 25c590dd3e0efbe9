// An emulator of Pub/Sub on one address, for PUBSUB_EMULATOR_HOST. It keeps everything in memory.
//
// Topics, subscriptions and schemas are kept by Google's own fake, pstest. Messages are not: pstest looks at every
// message it holds once in 10 ms (half a processor for a backlog of 50,000), gives out one message of a key at a time,
// and leaves the order within a key to chance where messages were published in the same instant.
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"
)

// What the service takes in one request, and some room for what surrounds it: it is refused by us, not by gRPC.
const maxReceived = 2 * maxRequestBytes

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "address to listen on")
	attached := flag.Bool("attached", false, "end when standard input does")
	flag.Parse()
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer(
		grpc.MaxRecvMsgSize(maxReceived),
		// Google's clients ask more often whether the connection lives than gRPC's servers like.
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: time.Second, PermitWithoutStream: true}),
	)
	emulator := newEmulator()
	pb.RegisterPublisherServer(server, emulator)
	pb.RegisterSubscriberServer(server, emulator)
	pb.RegisterSchemaServiceServer(server, emulator)
	stopped := make(chan os.Signal, 1)
	signal.Notify(stopped, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		if *attached {
			go func() {
				_, _ = io.Copy(io.Discard, os.Stdin)
				stopped <- syscall.SIGTERM
			}()
		}
		<-stopped
		server.Stop()
	}()
	fmt.Printf("PUBSUB_EMULATOR_HOST=%s\n", listener.Addr())
	if err := server.Serve(listener); err != nil {
		log.Fatal(err)
	}
}
