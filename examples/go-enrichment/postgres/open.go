// Package postgres keeps customers, products, stored responses, the outbox and order counts.
package postgres

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	maxConnections = 16
	connectTimeout = 3 * time.Second
	retryPause     = time.Second
	// A statement that takes longer is ended by the server, whatever its caller has become.
	statementTimeout = "30s"
	// migrationLock is the advisory lock of those who run the schema.
	migrationLock = 7_310_001
)

//go:embed schema.sql
var schema string

// Open connects to a database, creates it if it does not exist, and brings its tables up to date. url is that of the
// server, without a database. While the server is unavailable it tries again, until ctx ends.
func Open(ctx context.Context, url, database string, log *slog.Logger) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	config.MaxConns = maxConnections
	config.ConnConfig.Database = database
	config.ConnConfig.ConnectTimeout = connectTimeout
	config.ConnConfig.RuntimeParams["application_name"] = "go-enrichment"
	config.ConnConfig.RuntimeParams["statement_timeout"] = statementTimeout
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	for {
		err := prepare(ctx, pool, config.ConnConfig)
		if err == nil {
			return pool, nil
		}
		if ctx.Err() != nil || !IsOutage(err) {
			pool.Close()
			return nil, fmt.Errorf("database %s cannot be opened: %w", database, err)
		}
		log.Warn("Postgres is unavailable: the start waits for it", "err", err)
		select {
		case <-ctx.Done():
		case <-time.After(retryPause):
		}
	}
}

func prepare(ctx context.Context, pool *pgxpool.Pool, config *pgx.ConnConfig) error {
	err := migrate(ctx, pool)
	if isState(err, "3D000") {
		if err := createDatabase(ctx, config); err != nil {
			return err
		}
		return migrate(ctx, pool)
	}
	return err
}

func migrate(ctx context.Context, pool *pgxpool.Pool) error {
	return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "select pg_advisory_xact_lock($1)", migrationLock); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, schema)
		return err
	})
}

func createDatabase(ctx context.Context, config *pgx.ConnConfig) error {
	server := config.Copy()
	server.Database = "postgres"
	connection, err := pgx.ConnectConfig(ctx, server)
	if err != nil {
		return err
	}
	defer connection.Close(context.WithoutCancel(ctx))
	_, err = connection.Exec(ctx, "create database "+pgx.Identifier{config.Database}.Sanitize())
	// Another process has created it in between.
	if isState(err, "42P04") || isState(err, "23505") {
		return nil
	}
	return err
}

func isState(err error, state string) bool {
	var failure *pgconn.PgError
	return errors.As(err, &failure) && failure.Code == state
}
