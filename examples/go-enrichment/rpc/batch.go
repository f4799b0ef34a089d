package rpc

// Distinct returns every text once, in the order in which they come first.
func Distinct(texts []string) []string {
	seen := make(map[string]bool, len(texts))
	distinct := make([]string, 0, len(texts))
	for _, text := range texts {
		if !seen[text] {
			seen[text] = true
			distinct = append(distinct, text)
		}
	}
	return distinct
}

// Missing returns the names that none of the found items has.
func Missing[Item any](names []string, found []Item, name func(Item) string) []string {
	have := make(map[string]bool, len(found))
	for _, item := range found {
		have[name(item)] = true
	}
	var missing []string
	for _, each := range names {
		if !have[each] {
			missing = append(missing, each)
		}
	}
	return missing
}
