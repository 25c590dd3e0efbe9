package main

import (
	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// What the service takes: https://cloud.google.com/pubsub/quotas#resource_limits
const (
	maxRequestBytes   = 10_000_000
	maxMessages       = 1_000
	maxAttributes     = 100
	maxAttributeKey   = 256
	maxAttributeValue = 1_024
	maxOrderingKey    = 1_024
)

func checkPublish(req *pb.PublishRequest) error {
	switch {
	case len(req.Messages) == 0:
		return refused("a request has at least one message")
	case len(req.Messages) > maxMessages:
		return refused("a request has at most 1,000 messages")
	case proto.Size(req) > maxRequestBytes:
		return refused("a request has at most 10,000,000 bytes")
	}
	for _, message := range req.Messages {
		if len(message.Data) == 0 && len(message.Attributes) == 0 {
			return refused("a message has data or an attribute")
		}
		if message.OrderingKey != req.Messages[0].OrderingKey {
			return refused("the messages of a request have one ordering key")
		}
		if len(message.OrderingKey) > maxOrderingKey {
			return refused("an ordering key has at most 1,024 bytes")
		}
		if len(message.Attributes) > maxAttributes {
			return refused("a message has at most 100 attributes")
		}
		for key, value := range message.Attributes {
			if key == "" || len(key) > maxAttributeKey || len(value) > maxAttributeValue {
				return refused("an attribute has 1 to 256 bytes and a value of at most 1,024")
			}
		}
	}
	return nil
}

func refused(why string) error {
	return status.Error(codes.InvalidArgument, why)
}
