// A hub as it is usually written in Go: one goroutine holds all connections, each connection has one that reads and one that
// writes, and a buffered channel between. What a client sends goes to all. With REDIS_URL several hubs share a channel of Redis.
package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"

	"github.com/gorilla/websocket"
	"github.com/redis/go-redis/v9"
)

type client struct {
	socket *websocket.Conn
	send   chan []byte
}

type hub struct {
	join, leave chan *client
	broadcast   chan []byte
}

func (h *hub) run() {
	clients := map[*client]bool{}
	for {
		select {
		case c := <-h.join:
			clients[c] = true
			c.send <- []byte(`{"ready":true}`)
		case c := <-h.leave:
			if clients[c] {
				delete(clients, c)
				close(c.send)
			}
		case text := <-h.broadcast:
			for c := range clients {
				select {
				case c.send <- text:
				default: // The connection lags.
					delete(clients, c)
					close(c.send)
				}
			}
		}
	}
}

func (c *client) write() {
	defer c.socket.Close()
	for text := range c.send {
		if c.socket.WriteMessage(websocket.TextMessage, text) != nil {
			return
		}
	}
}

func (c *client) read(h *hub, publish func([]byte)) {
	defer func() { h.leave <- c }()
	for {
		_, text, err := c.socket.ReadMessage()
		if err != nil {
			return
		}
		publish(text)
	}
}

func main() {
	h := &hub{make(chan *client), make(chan *client), make(chan []byte)}
	go h.run()
	publish := func(text []byte) { h.broadcast <- text }
	if url := os.Getenv("REDIS_URL"); url != "" {
		options, err := redis.ParseURL(url)
		if err != nil {
			panic(err)
		}
		server := redis.NewClient(options)
		subscription := server.Subscribe(context.Background(), "room")
		if _, err := subscription.Receive(context.Background()); err != nil {
			panic(err)
		}
		go func() {
			for message := range subscription.Channel() {
				h.broadcast <- []byte(message.Payload)
			}
		}()
		publish = func(text []byte) { server.Publish(context.Background(), "room", text) }
	}
	upgrader := websocket.Upgrader{ReadBufferSize: 1024, WriteBufferSize: 1024}
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		socket, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		c := &client{socket, make(chan []byte, 1024)}
		h.join <- c
		go c.write()
		go c.read(h, publish)
	})
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Getenv("PORT"))
	if err != nil {
		panic(err)
	}
	fmt.Printf("listening %d\n", listener.Addr().(*net.TCPAddr).Port)
	panic(http.Serve(listener, nil))
}
