package main

import (
	"context"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const (
	// How long a pull that finds nothing is held.
	patience = 5 * time.Second
	// How long the first message after a silence waits for company.
	gathering = 2 * time.Millisecond
	maxBatch  = 1_000
	maxBytes  = 10_000_000
	// What a stream that doesn't say may have out.
	defaultOutstanding = 1_000
)

func (e *emulator) Pull(ctx context.Context, req *pb.PullRequest) (*pb.PullResponse, error) {
	if req.MaxMessages <= 0 {
		return nil, status.Error(codes.InvalidArgument, "max_messages is at least 1")
	}
	limit := min(int(req.MaxMessages), maxBatch)
	over := time.Now().Add(patience)
	for {
		taken, again, err := e.take(ctx, req.Subscription, limit, 0, nil)
		left := time.Until(over)
		if err != nil || len(taken) > 0 || req.ReturnImmediately || left <= 0 {
			return &pb.PullResponse{ReceivedMessages: taken}, err
		}
		again.wait(ctx, left)
	}
}

// A hint says when it is worth while to look again.
type hint struct {
	changed <-chan struct{}
	expiry  time.Duration
}

func (h hint) wait(ctx context.Context, most time.Duration) {
	timer := time.NewTimer(min(most, h.expiry))
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-h.changed:
		time.Sleep(gathering)
	}
}

// take leases messages for the time given or, where that is 0, for the subscription's own.
func (e *emulator) take(
	ctx context.Context, subscription string, limit int, lease time.Duration, holder *stream,
) ([]*pb.ReceivedMessage, hint, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	q := e.queues[subscription]
	if q == nil {
		return nil, hint{}, status.Errorf(codes.NotFound, "subscription %q", subscription)
	}
	if err := ctx.Err(); err != nil {
		// The client is gone: messages sent to it now would be missing until their lease is over.
		return nil, hint{}, status.FromContextError(err).Err()
	}
	if lease == 0 {
		lease = time.Duration(q.settings.AckDeadlineSeconds) * time.Second
	}
	now := time.Now()
	room := maxBytes
	if holder != nil {
		limit, room = holder.room(limit, room)
	}
	taken := q.take(now, limit, room, lease, holder)
	q.tell()
	return taken, hint{q.changed, q.untilExpiry(now)}, nil
}
