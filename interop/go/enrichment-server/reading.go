package main

import (
	"encoding/base64"
	"slices"
	"strings"

	"connectrpc.com/connect"
)

const defaultPageSize = 50

// find looks up every reference once; each is in exactly one of the two answers.
func find[T any](references []string, known map[string]T) (found []T, missing []string) {
	for _, reference := range slices.Compact(slices.Sorted(slices.Values(references))) {
		if value, ok := known[reference]; ok {
			found = append(found, value)
		} else {
			missing = append(missing, reference)
		}
	}
	return found, missing
}

// page returns one page of known in the text order of its ids, and the token of the next page.
// A token is the last id read, behind a mark that tells a token of ours from garbage.
func page[T any](known map[string]T, size int32, token string) (values []T, next string, err error) {
	const mark = "after:"
	after := ""
	if token != "" {
		text, err := base64.RawURLEncoding.DecodeString(token)
		if err != nil || !strings.HasPrefix(string(text), mark) {
			return nil, "", fail(connect.CodeInvalidArgument, "PAGE_TOKEN_INVALID",
				"page_token is not one that this list has answered; start again with an empty one")
		}
		after = strings.TrimPrefix(string(text), mark)
	}
	limit := int(size)
	if limit == 0 {
		limit = defaultPageSize
	}
	var ids []string
	for id := range known {
		if id > after {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	if len(ids) > limit {
		ids = ids[:limit]
		next = base64.RawURLEncoding.EncodeToString([]byte(mark + ids[limit-1]))
	}
	values, _ = find(ids, known)
	return values, next, nil
}
