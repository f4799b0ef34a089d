package main

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	_ "google.golang.org/genproto/googleapis/rpc/errdetails" // the types of error details
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

// toJSON makes the line that answers a call.
func toJSON(id json.RawMessage, ended *outcome) map[string]any {
	code := "ok"
	if ended.code != 0 {
		code = ended.code.String()
	}
	answer := map[string]any{
		"id":       id,
		"code":     code,
		"message":  ended.message,
		"headers":  ended.headers,
		"trailers": ended.trailers,
	}
	messages := []json.RawMessage{}
	for _, message := range ended.messages {
		text, err := protojson.Marshal(message)
		if err != nil {
			return map[string]any{"id": id, "broken": err.Error()}
		}
		messages = append(messages, text)
	}
	answer["messages"] = messages
	details := []any{}
	for _, detail := range ended.details {
		details = append(details, detailToJSON(detail))
	}
	answer["details"] = details
	return answer
}

// detailToJSON keeps the bytes of a detail whose type this program does not know.
func detailToJSON(detail *anypb.Any) any {
	text, err := protojson.Marshal(detail)
	if err != nil {
		return map[string]any{"@type": detail.GetTypeUrl(), "value": detail.GetValue()}
	}
	return json.RawMessage(text)
}

// parse reads the request of a call into the message that its method takes.
func parse(request *request, message proto.Message) error {
	if len(request.Request) == 0 {
		return nil
	}
	return protojson.Unmarshal(request.Request, message)
}

// joined makes one value of each name, in lower case; Go's HTTP and gRPC write names differently.
func joined[M ~map[string][]string](metadata M) map[string]string {
	all := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(metadata)) {
		all[strings.ToLower(name)] = strings.Join(metadata[name], ", ")
	}
	return all
}
