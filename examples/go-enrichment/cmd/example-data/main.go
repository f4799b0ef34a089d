// Command example-data inserts a few customers and products, so that the first orders can be sent. It changes none that
// exist. Settings are those of the service.
package main

import (
	"context"
	_ "embed"
	"fmt"
	"log/slog"
	"os"

	"orderflow.example/go-enrichment/config"
	"orderflow.example/go-enrichment/postgres"
)

//go:embed example.sql
var statements string

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	settings, err := config.Load(os.Getenv)
	if err != nil {
		return err
	}
	pool, err := postgres.Open(ctx, settings.PostgresURL, settings.Database(), slog.Default())
	if err != nil {
		return err
	}
	defer pool.Close()
	if _, err := pool.Exec(ctx, statements); err != nil {
		return err
	}
	var customers, products int
	err = pool.QueryRow(ctx, "select (select count(*) from customer), (select count(*) from product)").
		Scan(&customers, &products)
	if err != nil {
		return err
	}
	fmt.Printf("database %s has %d customers and %d products\n", settings.Database(), customers, products)
	return nil
}
