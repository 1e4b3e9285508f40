// A client in Go: gorilla/websocket, and bufio over net/http for event streams. Its language is in ../README.md.
//
//	client [CA_FILE]
package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"log"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

const patience = 30 * time.Second

// A frame holds no more than this: the library sends what is longer in fragments.
const frame = 1000

type command struct {
	Do     string
	URL    string
	Kind   string
	Data   json.RawMessage
	Size   int
	Code   *int
	Reason string
	Last   *string
}

type event map[string]any

var (
	speaking sync.Mutex
	trusted  *tls.Config
	conn     *websocket.Conn
	pongs    chan string
)

func say(e event) {
	speaking.Lock()
	defer speaking.Unlock()
	if err := json.NewEncoder(os.Stdout).Encode(e); err != nil {
		log.Fatal(err)
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func connect(url string) {
	dialer := websocket.Dialer{TLSClientConfig: trusted, WriteBufferSize: frame, EnableCompression: true}
	opened, answer, err := dialer.Dial(url, nil)
	if errors.Is(err, websocket.ErrBadHandshake) {
		say(event{"event": "refused", "status": answer.StatusCode})
		return
	}
	conn = must(opened, err)
	pongs = make(chan string, 1)
	conn.SetPongHandler(func(data string) error {
		say(event{"event": "pong", "data": data})
		pongs <- data
		return nil
	})
	say(event{"event": "open", "cursor": header(answer)})
	go receive(conn)
}

func header(answer *http.Response) any {
	if cursor := answer.Header.Get("Fanout-Cursor"); cursor != "" {
		return cursor
	}
	return nil
}

func receive(conn *websocket.Conn) {
	for {
		kind, data, err := conn.ReadMessage()
		var end *websocket.CloseError
		switch {
		case errors.As(err, &end):
			say(event{"event": "closed", "code": end.Code, "reason": end.Text})
			return
		case err != nil:
			say(event{"event": "closed", "code": websocket.CloseAbnormalClosure, "reason": err.Error()})
			return
		case kind == websocket.TextMessage:
			say(event{"event": "text", "data": string(data)})
		default:
			say(event{"event": "binary", "data": data})
		}
	}
}

// The text of a command's data.
func (c command) text() string {
	var text string
	if err := json.Unmarshal(c.Data, &text); err != nil {
		log.Fatal(err)
	}
	return text
}

// The same, decoded from base64.
func (c command) bytes() []byte {
	var data []byte
	if err := json.Unmarshal(c.Data, &data); err != nil {
		log.Fatal(err)
	}
	return data
}

func send(kind int, data []byte) {
	if err := conn.WriteMessage(kind, data); err != nil {
		log.Fatal(err)
	}
}

func ping(data string) {
	if err := conn.WriteControl(websocket.PingMessage, []byte(data), time.Now().Add(patience)); err != nil {
		log.Fatal(err)
	}
	<-pongs
}

func fragments(kind string, data []byte, size int) {
	if size < frame {
		log.Fatalf("frames of %d bytes cannot be had; change WriteBufferSize", size)
	}
	opcode := websocket.BinaryMessage
	if kind == "text" {
		opcode = websocket.TextMessage
	}
	writer := must(conn.NextWriter(opcode))
	// One byte more than a frame holds, so that the first frame has left before the ping.
	must(writer.Write(data[:size+1]))
	ping("between")
	must(writer.Write(data[size+1:]))
	if err := writer.Close(); err != nil {
		log.Fatal(err)
	}
}

func closing(code *int, reason string) {
	payload := []byte{}
	if code != nil {
		payload = websocket.FormatCloseMessage(*code, reason)
	}
	if err := conn.WriteControl(websocket.CloseMessage, payload, time.Now().Add(patience)); err != nil {
		log.Fatal(err)
	}
}

func stream(url string, last *string) {
	request := must(http.NewRequest("GET", url, nil))
	if last != nil {
		request.Header.Set("Last-Event-ID", *last)
	}
	client := http.Client{Transport: &http.Transport{TLSClientConfig: trusted}}
	answer, err := client.Do(request)
	if err == nil && answer.StatusCode != http.StatusOK {
		say(event{"event": "refused", "status": answer.StatusCode})
		return
	}
	if err == nil {
		say(event{"event": "open", "cursor": header(answer)})
		read(bufio.NewReader(answer.Body))
	}
	say(event{"event": "ended"})
}

// Reads an event stream to its end. The server ends its lines with LF, one of the three ways of the grammar.
func read(body *bufio.Reader) {
	id, name, data := "", "message", []string{}
	for {
		line, err := body.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		field, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case line == "":
			if len(data) > 0 {
				say(event{"event": "streamed", "id": id, "name": name, "data": strings.Join(data, "\n")})
			}
			name, data = "message", []string{}
		case field == "id":
			id = value
		case field == "event":
			name = value
		case field == "data":
			data = append(data, value)
		}
	}
}

func main() {
	if len(os.Args) > 1 {
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(must(os.ReadFile(os.Args[1]))) {
			log.Fatal("no certificate in ", os.Args[1])
		}
		trusted = &tls.Config{RootCAs: pool}
	}
	commands := json.NewDecoder(os.Stdin)
	for commands.More() {
		var c command
		if err := commands.Decode(&c); err != nil {
			log.Fatal(err)
		}
		switch c.Do {
		case "connect":
			connect(c.URL)
		case "text":
			send(websocket.TextMessage, []byte(c.text()))
		case "binary":
			send(websocket.BinaryMessage, c.bytes())
		case "fragments":
			fragments(c.Kind, c.bytes(), c.Size)
		case "ping":
			ping(c.text())
		case "close":
			closing(c.Code, c.Reason)
		case "sse":
			go stream(c.URL, c.Last)
		default:
			log.Fatal("no such command: ", c.Do)
		}
	}
}
