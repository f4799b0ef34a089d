// Package storetest gives tests a database of their own on a real Postgres.
package storetest

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"orderflow.example/go-enrichment/postgres"
)

// Quiet is a logger that says nothing.
var Quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

// Env returns a variable, and skips the test where it is not set.
func Env(t *testing.T, name string) string {
	t.Helper()
	value := os.Getenv(name)
	if value == "" {
		t.Skipf("%s is not set: this test needs the real thing", name)
	}
	return value
}

// Prefix returns a prefix for the names of one test's database and topics; the database is dropped at its end.
func Prefix(t *testing.T) string {
	t.Helper()
	url := Env(t, "POSTGRES_URL")
	prefix := "go_" + strings.ToLower(rand.Text()[:10]) + "_"
	t.Cleanup(func() {
		ctx := context.Background()
		connection, err := pgx.Connect(ctx, url+"/postgres")
		if err != nil {
			t.Error(err)
			return
		}
		defer connection.Close(ctx)
		if _, err := connection.Exec(ctx, fmt.Sprintf("drop database if exists %senrichment with (force)", prefix)); err != nil {
			t.Error(err)
		}
	})
	return prefix
}

// Open opens a database of its own for a test.
func Open(t *testing.T) *pgxpool.Pool {
	t.Helper()
	prefix := Prefix(t)
	pool, err := postgres.Open(t.Context(), os.Getenv("POSTGRES_URL"), prefix+"enrichment", Quiet)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}
