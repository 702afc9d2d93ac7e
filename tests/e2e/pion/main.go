// A TURN server on pion, as LiveKit and STUNner have one: it answers 400 to credentials that are wrong or have expired, and
// looks at them on every request. On loopback, over UDP and TCP; prints its port and ends when its input does.
package main

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/pion/turn/v2"
)

func main() {
	secret := os.Getenv("TURN_SECRET")
	udp, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	tcp, err := net.Listen("tcp4", udp.LocalAddr().String())
	if err != nil {
		log.Fatal(err)
	}
	relays := &turn.RelayAddressGeneratorStatic{RelayAddress: net.ParseIP("127.0.0.1"), Address: "127.0.0.1"}
	server, err := turn.NewServer(turn.ServerConfig{
		Realm: "localhost",
		AuthHandler: func(username, realm string, _ net.Addr) ([]byte, bool) {
			expiry, err := strconv.ParseInt(strings.Split(username, ":")[0], 10, 64)
			if err != nil || expiry < time.Now().Unix() {
				return nil, false
			}
			mac := hmac.New(sha1.New, []byte(secret))
			mac.Write([]byte(username))
			password := base64.StdEncoding.EncodeToString(mac.Sum(nil))
			return turn.GenerateAuthKey(username, realm, password), true
		},
		PacketConnConfigs: []turn.PacketConnConfig{{PacketConn: udp, RelayAddressGenerator: relays}},
		ListenerConfigs:   []turn.ListenerConfig{{Listener: tcp, RelayAddressGenerator: relays}},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(udp.LocalAddr().(*net.UDPAddr).Port)
	io.Copy(io.Discard, os.Stdin)
	server.Close()
}
