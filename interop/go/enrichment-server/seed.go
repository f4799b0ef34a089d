package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	seededCustomers = 5000
	seededProducts  = 2000
	// Every nth is inactive or retired.
	everyNthIsOff = 50
)

var (
	firstNames = strings.Fields(
		"Ada Alan Barbara Claude Dorothy Edsger Frances Grace Hedy Ivan Jean Katherine Leslie Margaret")
	lastNames = strings.Fields(
		"Almeida Bauer Chen Dubois Eriksen Fischer Garcia Haddad Ivanov Jansen Kowalski Lindgren Moreau")
	kindsOfProducts = []string{
		"Desk lamp", "Notebook", "Headset", "USB cable", "Backpack", "Webcam", "Power strip", "Footrest",
	}
	catalogue = []struct {
		sku, name, description string
		cents                  int64
	}{
		{"LAPTOP001", "Laptop", "A 14-inch laptop with 16 GB of memory", 1299_99},
		{"MOUSE001", "Wireless mouse", "A mouse that works on glass, too", 79_99},
		{"CHAIR001", "Office chair", "A chair with a mesh back and adjustable arms", 299_99},
		{"KEYBOARD001", "Mechanical keyboard", "A keyboard with quiet switches", 149_99},
		{"MONITOR001", "27-inch monitor", "A monitor with a resolution of 2560 × 1440", 449_99},
	}
)

// seed inserts the customers and products that are missing: those of services/enrichment-stub/src/domain/seed.ts.
func seed(ctx context.Context, pool *pgxpool.Pool) error {
	if err := seedCustomers(ctx, pool); err != nil {
		return err
	}
	return seedProducts(ctx, pool)
}

func seedCustomers(ctx context.Context, pool *pgxpool.Pool) error {
	var ids, names, emails, addresses []string
	var active []bool
	for i := range seededCustomers {
		n := i + 1
		first, last := firstNames[i%len(firstNames)], lastNames[i%len(lastNames)]
		ids = append(ids, fmt.Sprintf("c-%d", n))
		names = append(names, first+" "+last)
		emails = append(emails, strings.ToLower(fmt.Sprintf("%s.%s.%d@example.com", first, last, n)))
		addresses = append(addresses, fmt.Sprintf("%d Market Street, 10115 Exampletown", n))
		active = append(active, n%everyNthIsOff != 0)
	}
	_, err := pool.Exec(ctx,
		`insert into customer (customer_id, name, email, address, active, version, create_time, update_time)
		 select id, name, email, address, active, 1, now(), now()
		 from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bool[]) as s (id, name, email, address, active)
		 on conflict do nothing`, ids, names, emails, addresses, active)
	return err
}

func seedProducts(ctx context.Context, pool *pgxpool.Pool) error {
	var ids, skus, names, descriptions, states []string
	var prices []int64
	for i := range seededProducts {
		n := i + 1
		kind := fmt.Sprintf("%s %d", kindsOfProducts[n%len(kindsOfProducts)], n)
		sku, name := fmt.Sprintf("SKU%05d", n), kind
		description := fmt.Sprintf("%s, model %d", kindsOfProducts[n%len(kindsOfProducts)], n)
		// Multiples of a prime, so that neighbouring products have different prices: from 5.00 to 501.99.
		cents := int64(n)*7919%497*100 + 5_00 + int64(n)%100
		if i < len(catalogue) {
			known := catalogue[i]
			sku, name, description, cents = known.sku, known.name, known.description, known.cents
		}
		state := "ACTIVE"
		if n%everyNthIsOff == 0 {
			state = "RETIRED"
		}
		ids, skus, names = append(ids, fmt.Sprintf("p-%d", n)), append(skus, sku), append(names, name)
		descriptions, states, prices = append(descriptions, description), append(states, state), append(prices, cents)
	}
	_, err := pool.Exec(ctx,
		`insert into product (product_id, sku, name, description, price, currency_code, state, version, update_time)
		 select id, sku, name, description, price, 'USD', state, 1, now()
		 from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[])
		   as s (id, sku, name, description, price, state)
		 on conflict do nothing`, ids, skus, names, descriptions, prices, states)
	return err
}
