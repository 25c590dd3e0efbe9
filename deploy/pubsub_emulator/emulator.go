package main

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/pubsub/v2/pstest"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

const (
	minAckDeadline = 10 * time.Second
	maxAckDeadline = 600 // seconds
)

// The emulator is pstest for everything but messages.
type emulator struct {
	*pstest.GServer
	mu     sync.Mutex
	queues map[string]*queue          // by name of subscription
	topics map[string]map[string]bool // by name: names of subscriptions
	lastID int                        // of messages
}

func newEmulator() *emulator {
	pstest.SetMinAckDeadline(minAckDeadline)
	server := pstest.NewServerWithAddress("127.0.0.1:0") // it needs an address of its own, which no client is told
	return &emulator{
		GServer: &server.GServer,
		queues:  map[string]*queue{},
		topics:  map[string]map[string]bool{},
	}
}

func (e *emulator) CreateTopic(ctx context.Context, req *pb.Topic) (*pb.Topic, error) {
	return copied(e.GServer.CreateTopic(ctx, req))
}

func (e *emulator) GetTopic(ctx context.Context, req *pb.GetTopicRequest) (*pb.Topic, error) {
	return copied(e.GServer.GetTopic(ctx, req))
}

func (e *emulator) DeleteTopic(ctx context.Context, req *pb.DeleteTopicRequest) (*emptypb.Empty, error) {
	done, err := e.GServer.DeleteTopic(ctx, req)
	if err == nil {
		e.mu.Lock()
		defer e.mu.Unlock()
		delete(e.topics, req.Topic)
	}
	return done, err
}

func (e *emulator) CreateSubscription(ctx context.Context, req *pb.Subscription) (*pb.Subscription, error) {
	if req.Filter != "" || req.EnableExactlyOnceDelivery || req.GetPushConfig().GetPushEndpoint() != "" {
		return nil, status.Error(codes.Unimplemented, "the emulator has no filters, no exactly-once delivery and no push")
	}
	if req.AckDeadlineSeconds == 0 {
		req.AckDeadlineSeconds = int32(minAckDeadline / time.Second)
	}
	made, err := copied(e.GServer.CreateSubscription(ctx, req))
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.queues[made.Name] = newQueue(proto.Clone(made).(*pb.Subscription), e.bury)
	if e.topics[made.Topic] == nil {
		e.topics[made.Topic] = map[string]bool{}
	}
	e.topics[made.Topic][made.Name] = true
	return made, nil
}

func (e *emulator) GetSubscription(ctx context.Context, req *pb.GetSubscriptionRequest) (*pb.Subscription, error) {
	return copied(e.GServer.GetSubscription(ctx, req))
}

func (e *emulator) UpdateSubscription(ctx context.Context, req *pb.UpdateSubscriptionRequest) (*pb.Subscription, error) {
	if req.Subscription.GetFilter() != "" || req.Subscription.GetEnableExactlyOnceDelivery() {
		return nil, status.Error(codes.Unimplemented, "the emulator has no filters and no exactly-once delivery")
	}
	changed, err := copied(e.GServer.UpdateSubscription(ctx, req))
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if q := e.queues[changed.Name]; q != nil {
		q.settings = proto.Clone(changed).(*pb.Subscription)
	}
	return changed, nil
}

func (e *emulator) DeleteSubscription(ctx context.Context, req *pb.DeleteSubscriptionRequest) (*emptypb.Empty, error) {
	done, err := e.GServer.DeleteSubscription(ctx, req)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	q := e.queues[req.Subscription]
	delete(e.queues, req.Subscription)
	delete(e.topics[q.settings.Topic], req.Subscription)
	q.closed, q.stirred = true, true
	q.tell()
	return done, nil
}

func (e *emulator) DetachSubscription(
	ctx context.Context, req *pb.DetachSubscriptionRequest,
) (*pb.DetachSubscriptionResponse, error) {
	done, err := e.GServer.DetachSubscription(ctx, req)
	if err == nil {
		e.mu.Lock()
		defer e.mu.Unlock()
		delete(e.topics[e.queues[req.Subscription].settings.Topic], req.Subscription)
	}
	return done, err
}

func (e *emulator) Publish(ctx context.Context, req *pb.PublishRequest) (*pb.PublishResponse, error) {
	if _, err := e.GServer.GetTopic(ctx, &pb.GetTopicRequest{Topic: req.Topic}); err != nil {
		return nil, err
	}
	if err := checkPublish(req); err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return &pb.PublishResponse{MessageIds: e.publish(req.Topic, req.Messages)}, nil
}

func (e *emulator) publish(topic string, messages []*pb.PubsubMessage) []string {
	ids := make([]string, len(messages))
	for at, message := range messages {
		e.lastID++
		ids[at] = strconv.Itoa(e.lastID)
		message.MessageId, message.PublishTime = ids[at], timestamppb.Now()
	}
	for name := range e.topics[topic] {
		q := e.queues[name]
		for _, message := range messages {
			q.put(message)
		}
		q.tell()
	}
	return ids
}

// bury publishes what was delivered too often to the topic for dead letters, with the attributes of the real service.
func (e *emulator) bury(q *queue, it *item) {
	letter := proto.Clone(it.message).(*pb.PubsubMessage)
	if letter.Attributes == nil {
		letter.Attributes = map[string]string{}
	}
	name := strings.Split(q.settings.Name, "/")
	letter.Attributes["CloudPubSubDeadLetterSourceDeliveryCount"] = strconv.Itoa(int(it.deliveries))
	letter.Attributes["CloudPubSubDeadLetterSourceSubscription"] = name[len(name)-1]
	letter.Attributes["CloudPubSubDeadLetterSourceSubscriptionProject"] = name[1]
	published := it.message.PublishTime.AsTime().Format(time.RFC3339Nano)
	letter.Attributes["CloudPubSubDeadLetterSourceTopicPublishTime"] = published
	e.publish(q.settings.DeadLetterPolicy.DeadLetterTopic, []*pb.PubsubMessage{letter})
}

func (e *emulator) Acknowledge(_ context.Context, req *pb.AcknowledgeRequest) (*emptypb.Empty, error) {
	return e.change(req.Subscription, func(q *queue) {
		for _, id := range req.AckIds {
			q.release(id, true)
		}
	})
}

func (e *emulator) ModifyAckDeadline(_ context.Context, req *pb.ModifyAckDeadlineRequest) (*emptypb.Empty, error) {
	if req.AckDeadlineSeconds < 0 || req.AckDeadlineSeconds > maxAckDeadline {
		return nil, status.Errorf(codes.InvalidArgument, "ack_deadline_seconds is %d", req.AckDeadlineSeconds)
	}
	return e.change(req.Subscription, func(q *queue) { modify(q, req.AckIds, req.AckDeadlineSeconds) })
}

func modify(q *queue, ids []string, seconds int32) {
	deadline := time.Now().Add(time.Duration(seconds) * time.Second)
	for _, id := range ids {
		if seconds == 0 {
			q.release(id, false)
		} else {
			q.extend(id, deadline)
		}
	}
}

func (e *emulator) Seek(_ context.Context, req *pb.SeekRequest) (*pb.SeekResponse, error) {
	if req.GetTime() == nil {
		return nil, status.Error(codes.Unimplemented, "the emulator seeks to times only")
	}
	_, err := e.change(req.Subscription, func(q *queue) { q.seek(req.GetTime().AsTime()) })
	return &pb.SeekResponse{}, err
}

// change does something to a queue whose leases that are over have been given up.
func (e *emulator) change(subscription string, do func(*queue)) (*emptypb.Empty, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	q := e.queues[subscription]
	if q == nil {
		return nil, status.Errorf(codes.NotFound, "subscription %q", subscription)
	}
	q.expire(time.Now())
	do(q)
	q.tell()
	return &emptypb.Empty{}, nil
}

// copied is for answers of pstest, which goes on changing what it has given away.
func copied[M proto.Message](answer M, err error) (M, error) {
	if err != nil {
		return answer, err
	}
	return proto.Clone(answer).(M), nil
}

func sortByID(items []*item) {
	slices.SortFunc(items, func(a, b *item) int { return number(a) - number(b) })
}

func number(it *item) int {
	id, _ := strconv.Atoi(it.message.MessageId)
	return id
}
