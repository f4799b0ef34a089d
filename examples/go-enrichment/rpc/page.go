package rpc

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
)

const (
	defaultPageSize = 50
	checkBytes      = 8
)

// PageSize returns how many items a page has: page_size, or 50 when it is 0.
func PageSize(requested int32) int {
	if requested == 0 {
		return defaultPageSize
	}
	return int(requested)
}

// PageToken returns the token of the page that begins after the item with this id. It is opaque, and valid for the list
// of this name only.
func PageToken(list, afterID string) string {
	var key bytes.Buffer
	encoder := json.NewEncoder(&key)
	encoder.SetEscapeHTML(false)
	// A list of strings can always be encoded.
	_ = encoder.Encode([]string{afterID})
	return tokenOf(list, bytes.TrimSuffix(key.Bytes(), []byte("\n")))
}

// AfterID returns the id after which the page of a token begins; "" for an empty token, which is the first page. A token
// that PageToken cannot have made for this list is PAGE_TOKEN_INVALID.
func AfterID(list, token string) (string, error) {
	if token == "" {
		return "", nil
	}
	invalid := Error("PAGE_TOKEN_INVALID", "page_token is not from this list: use the next_page_token of the previous "+
		"page, or nothing for the first page", nil)
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(raw) < checkBytes || tokenOf(list, raw[checkBytes:]) != token {
		return "", invalid
	}
	var key []string
	if err := json.Unmarshal(raw[checkBytes:], &key); err != nil || len(key) != 1 {
		return "", invalid
	}
	// The checksum detects mistakes; it is no signature. Postgres cannot compare a text that has a NUL.
	if strings.ContainsRune(key[0], 0) {
		return "", invalid
	}
	return key[0], nil
}

func tokenOf(list string, key []byte) string {
	check := sha256.Sum256(append([]byte(list+"\n"), key...))
	return base64.RawURLEncoding.EncodeToString(append(check[:checkBytes:checkBytes], key...))
}

// Page cuts what was read with a limit of size+1 to the page, and returns the token of the next one; "" on the last.
func Page[Item any](list string, items []Item, size int, id func(Item) string) ([]Item, string) {
	if len(items) <= size {
		return items, ""
	}
	return items[:size], PageToken(list, id(items[size-1]))
}
