package main

import (
	"container/heap"
	"container/list"
	"strconv"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/protobuf/proto"
)

// An item is a message as one subscription has it.
type item struct {
	message    *pb.PubsubMessage
	lane       *lane
	holder     *stream // the stream that it went to, if any
	deadline   time.Time
	deliveries int32
	acked      bool
}

// A lane is what is delivered in order: the messages of an ordering key, or one message without. While a batch of it
// is out, nothing more of it goes out; then what was not acknowledged comes again, with all that follows it.
type lane struct {
	items []*item
	sent  int // so many of the first items make up the batch that is out
	out   int // so many of those are neither acknowledged nor given up
}

// A queue is the messages of one subscription. The emulator's lock guards it.
type queue struct {
	settings *pb.Subscription
	again    list.List // of *lane: those to be delivered once more, and before all others
	fresh    list.List // of *lane
	lanes    map[string]*lane
	leases   map[string]*item // by ack id
	expiries expiries
	retained []*item       // acknowledged, and kept because the subscription says so
	changed  chan struct{} // closed by tell
	stirred  bool          // there may be more to take than before
	closed   bool
	next     int // of ack ids
	bury     func(q *queue, it *item)
}

func newQueue(settings *pb.Subscription, bury func(*queue, *item)) *queue {
	return &queue{
		settings: settings,
		lanes:    map[string]*lane{},
		leases:   map[string]*item{},
		changed:  make(chan struct{}),
		bury:     bury,
	}
}

func (q *queue) put(message *pb.PubsubMessage) {
	key := message.OrderingKey
	if key == "" || !q.settings.EnableMessageOrdering {
		alone := &lane{}
		alone.items = []*item{{message: message, lane: alone}}
		q.fresh.PushBack(alone)
		q.stirred = true
		return
	}
	ln := q.lanes[key]
	if ln == nil {
		ln = &lane{}
		q.lanes[key] = ln
		q.fresh.PushBack(ln)
		q.stirred = true
	}
	ln.items = append(ln.items, &item{message: message, lane: ln})
}

// take leases what can go out now, within the limits but at least one message where there is one.
func (q *queue) take(now time.Time, limit, maxBytes int, lease time.Duration, holder *stream) []*pb.ReceivedMessage {
	q.expire(now)
	var taken []*pb.ReceivedMessage
	size := 0
	for len(taken) < limit && size < maxBytes {
		from := &q.again
		if from.Len() == 0 {
			from = &q.fresh
		}
		front := from.Front()
		if front == nil {
			break
		}
		ln := from.Remove(front).(*lane)
		for _, it := range ln.items {
			length := proto.Size(it.message)
			if len(taken) >= limit || len(taken) > 0 && size+length > maxBytes {
				break
			}
			ln.sent++
			it.acked = false
			if policy := q.settings.DeadLetterPolicy; policy != nil && it.deliveries >= policy.MaxDeliveryAttempts {
				it.acked = true
				q.bury(q, it)
				continue
			}
			size += length
			taken = append(taken, q.lease(it, now.Add(lease), holder, length))
		}
		if ln.out == 0 {
			progressed := ln.sent > 0
			q.settle(ln)
			if !progressed {
				break
			}
		}
	}
	return taken
}

func (q *queue) lease(it *item, deadline time.Time, holder *stream, size int) *pb.ReceivedMessage {
	q.next++
	id := strconv.Itoa(q.next)
	it.deadline, it.holder = deadline, holder
	it.deliveries++
	it.lane.out++
	q.leases[id] = it
	heap.Push(&q.expiries, expiry{deadline, id})
	if holder != nil {
		holder.messages++
		holder.bytes += size
	}
	received := &pb.ReceivedMessage{AckId: id, Message: it.message}
	if q.settings.DeadLetterPolicy != nil {
		received.DeliveryAttempt = it.deliveries
	}
	return received
}

// release ends a lease; an id that is no longer valid changes nothing.
func (q *queue) release(id string, acked bool) {
	it := q.leases[id]
	if it == nil {
		return
	}
	delete(q.leases, id)
	it.acked = acked
	it.lane.out--
	if it.holder != nil {
		it.holder.messages--
		it.holder.bytes -= proto.Size(it.message)
		it.holder = nil
		q.stirred = true // the stream may take more
	}
	if it.lane.out == 0 {
		q.settle(it.lane)
	}
}

// settle forgets the part of a lane that is done, and makes the rest available.
func (q *queue) settle(ln *lane) {
	done := 0
	for done < ln.sent && ln.items[done].acked {
		if q.settings.RetainAckedMessages {
			q.retained = append(q.retained, ln.items[done])
		}
		done++
	}
	again := done < ln.sent
	key := ""
	if len(ln.items) > 0 {
		key = ln.items[0].message.OrderingKey
	}
	ln.items, ln.sent = ln.items[done:], 0
	switch {
	case len(ln.items) == 0:
		if q.lanes[key] == ln {
			delete(q.lanes, key)
		}
		return
	case again:
		q.again.PushBack(ln)
	default:
		q.fresh.PushBack(ln)
	}
	q.stirred = true
}

func (q *queue) extend(id string, deadline time.Time) {
	if it := q.leases[id]; it != nil {
		it.deadline = deadline
		heap.Push(&q.expiries, expiry{deadline, id})
	}
}

// expire gives up leases whose time is over.
func (q *queue) expire(now time.Time) {
	for len(q.expiries) > 0 && !q.expiries[0].at.After(now) {
		first := heap.Pop(&q.expiries).(expiry)
		if it := q.leases[first.id]; it != nil && !it.deadline.After(now) {
			q.release(first.id, false)
		}
	}
}

// untilExpiry is how long it takes at least until a lease ends by itself.
func (q *queue) untilExpiry(now time.Time) time.Duration {
	if len(q.expiries) == 0 {
		return time.Hour
	}
	return max(q.expiries[0].at.Sub(now), time.Millisecond)
}

// seek makes all that was published at or after a time available, and nothing else.
func (q *queue) seek(to time.Time) {
	held := q.retained
	for at := q.fresh.Front(); at != nil; at = at.Next() {
		held = append(held, at.Value.(*lane).items...)
	}
	for at := q.again.Front(); at != nil; at = at.Next() {
		held = append(held, at.Value.(*lane).items...)
	}
	seen := map[*lane]bool{}
	for _, it := range q.leases {
		if !seen[it.lane] {
			seen[it.lane] = true
			held = append(held, it.lane.items...)
		}
	}
	sortByID(held)
	for id := range q.leases {
		if holder := q.leases[id].holder; holder != nil {
			holder.messages, holder.bytes = 0, 0
		}
	}
	q.retained, q.expiries = nil, nil
	q.fresh.Init()
	q.again.Init()
	clear(q.lanes)
	clear(q.leases)
	for _, it := range held {
		if !it.message.PublishTime.AsTime().Before(to) {
			q.put(it.message)
		} else if q.settings.RetainAckedMessages {
			q.retained = append(q.retained, it)
		}
	}
	q.stirred = true
}

// tell makes those look again who wait for messages, if there is reason to.
func (q *queue) tell() {
	if q.stirred {
		q.stirred = false
		close(q.changed)
		q.changed = make(chan struct{})
	}
}

type expiry struct {
	at time.Time
	id string
}

type expiries []expiry

func (e expiries) Len() int           { return len(e) }
func (e expiries) Less(i, j int) bool { return e[i].at.Before(e[j].at) }
func (e expiries) Swap(i, j int)      { e[i], e[j] = e[j], e[i] }
func (e *expiries) Push(x any)        { *e = append(*e, x.(expiry)) }
func (e *expiries) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}
