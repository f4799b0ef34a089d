package main

import (
	"net"
	"sync"
)

// connections are those that are open, so that a fault can cut the one that a call came on.
type connections struct {
	mu   sync.Mutex
	open map[string]net.Conn
}

func newConnections() *connections { return &connections{open: map[string]net.Conn{}} }

// cut closes the connection from this address.
func (c *connections) cut(address string) {
	c.mu.Lock()
	conn := c.open[address]
	c.mu.Unlock()
	if conn != nil {
		_ = conn.Close()
	}
}

// track makes the connections of a listener known.
func (c *connections) track(listener net.Listener) net.Listener {
	return trackingListener{Listener: listener, connections: c}
}

type trackingListener struct {
	net.Listener
	connections *connections
}

func (l trackingListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	tracked := trackedConn{Conn: conn, connections: l.connections}
	l.connections.mu.Lock()
	l.connections.open[conn.RemoteAddr().String()] = tracked
	l.connections.mu.Unlock()
	return tracked, nil
}

type trackedConn struct {
	net.Conn
	connections *connections
}

func (c trackedConn) Close() error {
	address := c.RemoteAddr().String()
	c.connections.mu.Lock()
	// The address may be another connection's by now.
	if c.connections.open[address] == net.Conn(c) {
		delete(c.connections.open, address)
	}
	c.connections.mu.Unlock()
	return c.Conn.Close()
}
