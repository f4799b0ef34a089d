package ordercount

import (
	"slices"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const maxDetailBytes = 2 << 10

// deadLetter returns the record, byte for byte, for the topic of dead letters, with headers that say why it is there.
// orderflow's docs/events.md describes them; `pnpm orders dlq` reads them.
func (c *Consumer) deadLetter(record *kgo.Record, problem error) *kgo.Record {
	detail := problem.Error()
	headers := slices.Clone(record.Headers)
	for _, header := range []struct{ key, value string }{
		{"dlq_reason", "MALFORMED_PROTOBUF"},
		{"dlq_detail", detail[:min(len(detail), maxDetailBytes)]},
		{"dlq_topic", OrderEvents},
		{"dlq_partition", strconv.Itoa(int(record.Partition))},
		{"dlq_offset", strconv.FormatInt(record.Offset, 10)},
		{"dlq_time", time.Now().UTC().Format("2006-01-02T15:04:05.000Z")},
		{"dlq_group", Group},
		{"dlq_attempt", strconv.Itoa(attempts(record) + 1)},
	} {
		isSame := func(other kgo.RecordHeader) bool { return other.Key == header.key }
		headers = slices.DeleteFunc(headers, isSame)
		headers = append(headers, kgo.RecordHeader{Key: header.key, Value: []byte(header.value)})
	}
	return &kgo.Record{
		Topic:     c.prefix + DeadLetters,
		Partition: record.Partition,
		Key:       record.Key,
		Value:     record.Value,
		Headers:   headers,
	}
}

// attempts returns how often a record was dead-lettered before.
func attempts(record *kgo.Record) int {
	count, err := strconv.Atoi(headerOf(record, "dlq_attempt"))
	if err != nil || count < 0 {
		return 0
	}
	return count
}
