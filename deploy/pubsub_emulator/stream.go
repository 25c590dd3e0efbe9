package main

import (
	"context"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
)

// A stream is one StreamingPull. The emulator's lock guards what it holds.
type stream struct {
	messages, bytes       int // out to it
	maxMessages, maxBytes int
}

func (s *stream) room(limit, bytes int) (int, int) {
	return min(limit, s.maxMessages-s.messages), min(bytes, s.maxBytes-s.bytes)
}

func (e *emulator) StreamingPull(server pb.Subscriber_StreamingPullServer) error {
	first, err := server.Recv()
	if err != nil {
		return err
	}
	holder := &stream{maxMessages: int(first.MaxOutstandingMessages), maxBytes: int(first.MaxOutstandingBytes)}
	if holder.maxMessages <= 0 {
		holder.maxMessages = defaultOutstanding
	}
	if holder.maxBytes <= 0 {
		holder.maxBytes = maxBytes
	}
	ctx, cancel := context.WithCancelCause(server.Context())
	defer cancel(nil)
	pings := make(chan struct{}, 1)
	go func() { cancel(e.listen(server, first, pings)) }()
	return e.feed(ctx, server, first, holder, pings)
}

// feed sends until the stream ends; pings are answered in between, because only one may send.
func (e *emulator) feed(
	ctx context.Context,
	server pb.Subscriber_StreamingPullServer,
	first *pb.StreamingPullRequest,
	holder *stream,
	pings <-chan struct{},
) error {
	lease := time.Duration(first.StreamAckDeadlineSeconds) * time.Second
	settings, err := e.GetSubscription(ctx, &pb.GetSubscriptionRequest{Subscription: first.Subscription})
	if err != nil {
		return err
	}
	properties := &pb.StreamingPullResponse_SubscriptionProperties{
		MessageOrderingEnabled: settings.EnableMessageOrdering,
	}
	for {
		taken, again, err := e.take(ctx, first.Subscription, maxBatch, lease, holder)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		select {
		case <-pings:
			err = server.Send(&pb.StreamingPullResponse{})
		default:
		}
		if len(taken) == 0 && err == nil {
			again.wait(ctx, patience)
			continue
		}
		if err == nil {
			err = server.Send(&pb.StreamingPullResponse{ReceivedMessages: taken, SubscriptionProperties: properties})
		}
		if err != nil {
			return err
		}
	}
}

// listen takes in acknowledgements and changed deadlines until the stream ends, and returns why it did.
func (e *emulator) listen(
	server pb.Subscriber_StreamingPullServer, req *pb.StreamingPullRequest, pings chan<- struct{},
) error {
	subscription, version := req.Subscription, req.ProtocolVersion
	for {
		_, err := e.change(subscription, func(q *queue) {
			for _, id := range req.AckIds {
				q.release(id, true)
			}
			for at, id := range req.ModifyDeadlineAckIds {
				modify(q, []string{id}, req.ModifyDeadlineSeconds[at])
			}
		})
		if err != nil {
			return err
		}
		if version >= 1 && len(req.AckIds) == 0 && len(req.ModifyDeadlineAckIds) == 0 {
			select {
			case pings <- struct{}{}:
			default:
			}
		}
		if req, err = server.Recv(); err != nil {
			return err
		}
	}
}
