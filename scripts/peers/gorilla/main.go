// The chat example of gorilla/websocket (examples/chat: hub.go and client.go), with a hub for each room at /ws/{room} instead of one, a
// larger limit on messages, and counters at /stats. All else is the example's: a goroutine and a queue of 256 messages a client, whoever
// lets it fill is cut off, and what waits is joined by newlines into one frame.
//
//	go run . --port 9101
package main

import (
	"bytes"
	"flag"
	"fmt"
	"log"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
)

const (
	writeWait      = 10 * time.Second
	pongWait       = 60 * time.Second
	pingPeriod     = (pongWait * 9) / 10
	maxMessageSize = 64 << 10
)

var (
	newline = []byte{'\n'}
	space   = []byte{' '}

	received, delivered, frames, cutOff atomic.Int64
)

var upgrader = websocket.Upgrader{
	ReadBufferSize:  1024,
	WriteBufferSize: 1024,
	CheckOrigin:     func(*http.Request) bool { return true },
}

type hub struct {
	clients    map[*client]bool
	broadcast  chan []byte
	register   chan *client
	unregister chan *client
}

func newHub() *hub {
	return &hub{
		broadcast:  make(chan []byte),
		register:   make(chan *client),
		unregister: make(chan *client),
		clients:    make(map[*client]bool),
	}
}

func (h *hub) run() {
	for {
		select {
		case client := <-h.register:
			h.clients[client] = true
		case client := <-h.unregister:
			if _, ok := h.clients[client]; ok {
				delete(h.clients, client)
				close(client.send)
			}
		case message := <-h.broadcast:
			for client := range h.clients {
				select {
				case client.send <- message:
				default:
					cutOff.Add(1)
					close(client.send)
					delete(h.clients, client)
				}
			}
		}
	}
}

type client struct {
	hub  *hub
	conn *websocket.Conn
	send chan []byte
}

func (c *client) readPump() {
	defer func() {
		c.hub.unregister <- c
		c.conn.Close()
	}()
	c.conn.SetReadLimit(maxMessageSize)
	c.conn.SetReadDeadline(time.Now().Add(pongWait))
	c.conn.SetPongHandler(func(string) error { return c.conn.SetReadDeadline(time.Now().Add(pongWait)) })
	for {
		_, message, err := c.conn.ReadMessage()
		if err != nil {
			return
		}
		received.Add(1)
		c.hub.broadcast <- bytes.TrimSpace(bytes.ReplaceAll(message, newline, space))
	}
}

func (c *client) writePump() {
	ticker := time.NewTicker(pingPeriod)
	defer func() {
		ticker.Stop()
		c.conn.Close()
	}()
	for {
		select {
		case message, ok := <-c.send:
			c.conn.SetWriteDeadline(time.Now().Add(writeWait))
			if !ok {
				c.conn.WriteMessage(websocket.CloseMessage, []byte{})
				return
			}
			w, err := c.conn.NextWriter(websocket.TextMessage)
			if err != nil {
				return
			}
			w.Write(message)
			n := len(c.send)
			for i := 0; i < n; i++ {
				w.Write(newline)
				w.Write(<-c.send)
			}
			if err := w.Close(); err != nil {
				return
			}
			delivered.Add(int64(n + 1))
			frames.Add(1)
		case <-ticker.C:
			c.conn.SetWriteDeadline(time.Now().Add(writeWait))
			if err := c.conn.WriteMessage(websocket.PingMessage, nil); err != nil {
				return
			}
		}
	}
}

func main() {
	port := flag.Int("port", 9101, "where to listen, on 127.0.0.1")
	flag.Parse()
	var (
		lock  sync.Mutex
		rooms = map[string]*hub{}
	)
	http.HandleFunc("/ws/{room}", func(w http.ResponseWriter, r *http.Request) {
		conn, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		lock.Lock()
		room := rooms[r.PathValue("room")]
		if room == nil {
			room = newHub()
			rooms[r.PathValue("room")] = room
			go room.run()
		}
		lock.Unlock()
		c := &client{hub: room, conn: conn, send: make(chan []byte, 256)}
		room.register <- c
		go c.writePump()
		go c.readPump()
	})
	http.HandleFunc("/stats", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"received":%d,"delivered":%d,"frames":%d,"cut_off":%d}`+"\n",
			received.Load(), delivered.Load(), frames.Load(), cutOff.Load())
	})
	log.Fatal(http.ListenAndServe(fmt.Sprintf("127.0.0.1:%d", *port), nil))
}
