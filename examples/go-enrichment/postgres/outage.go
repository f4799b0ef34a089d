package postgres

import (
	"errors"
	"io"
	"net"
	"regexp"

	"github.com/jackc/pgx/v5/pgconn"
)

// outages are SQLSTATE classes: connection, credentials, serialization failure, resources, shutdown, system; and states
// that no row can cause: a read-only server (a former primary), a missing database, a revoked permission, a lock that
// another session keeps. Not 57014, a statement timeout: the server works, and the statement may be to blame.
var outages = regexp.MustCompile(`^((08|28|40|53|58)...|57P..|25006|25P03|3D000|42501|55P03)$`)

// IsOutage says whether an error means that Postgres is unavailable, so that the same can succeed later; not that the
// data is wrong.
func IsOutage(err error) bool {
	// Whatever the reason: without a connection nothing can be said about the data.
	var connecting *pgconn.ConnectError
	if errors.As(err, &connecting) {
		return true
	}
	var failure *pgconn.PgError
	if errors.As(err, &failure) {
		return outages.MatchString(failure.Code)
	}
	var network net.Error
	return errors.As(err, &network) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed)
}
