// A TLS client and a TLS server of Go's standard library: "stack client -connect a:p -name n ..." and
// "stack server -listen :p -cert f -key f ...". The client prints the answer to one HTTP request.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

var versions = map[string]uint16{"1.0": tls.VersionTLS10, "1.1": tls.VersionTLS11, "1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}
var curves = map[string]tls.CurveID{"X25519": tls.X25519, "P-256": tls.CurveP256, "P-384": tls.CurveP384, "P-521": tls.CurveP521}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func pool(path string) *x509.CertPool {
	pem, err := os.ReadFile(path)
	must(err)
	result := x509.NewCertPool()
	result.AppendCertsFromPEM(pem)
	return result
}

func main() {
	flags := flag.NewFlagSet(os.Args[1], flag.ExitOnError)
	connect := flags.String("connect", "", "address and port")
	source := flags.String("source", "", "own address")
	listen := flags.String("listen", "", "address and port")
	name := flags.String("name", "", "server name")
	low := flags.String("min", "1.2", "lowest version")
	high := flags.String("max", "1.3", "highest version")
	ca := flags.String("ca", "", "trusted certificates of the other end")
	cert := flags.String("cert", "", "own chain")
	key := flags.String("key", "", "own key")
	alpn := flags.String("alpn", "", "protocols, by commas")
	groups := flags.String("groups", "", "curves, by commas")
	suite := flags.String("suite", "", "the one TLS 1.2 suite")
	insecure := flags.Bool("insecure", false, "no verification")
	must(flags.Parse(os.Args[2:]))

	config := &tls.Config{ServerName: *name, MinVersion: versions[*low], MaxVersion: versions[*high], InsecureSkipVerify: *insecure}
	if *alpn != "" {
		config.NextProtos = strings.Split(*alpn, ",")
	}
	if *groups != "" {
		for _, one := range strings.Split(*groups, ",") {
			config.CurvePreferences = append(config.CurvePreferences, curves[one])
		}
	}
	for _, one := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		if one.Name == *suite {
			config.CipherSuites = []uint16{one.ID}
		}
	}
	if *cert != "" {
		pair, err := tls.LoadX509KeyPair(*cert, *key)
		must(err)
		config.Certificates = []tls.Certificate{pair}
	}
	if os.Args[1] == "server" {
		if *ca != "" {
			config.ClientAuth, config.ClientCAs = tls.RequireAndVerifyClientCert, pool(*ca)
		}
		answer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hello\n") })
		server := &http.Server{Addr: *listen, Handler: answer, TLSConfig: config}
		if *alpn != "h2" {
			server.TLSNextProto = map[string]func(*http.Server, *tls.Conn, http.Handler){}
		}
		must(server.ListenAndServeTLS("", ""))
	}
	if *ca != "" {
		config.RootCAs = pool(*ca)
	}
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	if *source != "" {
		dialer.LocalAddr = &net.TCPAddr{IP: net.ParseIP(*source)}
	}
	connection, err := tls.DialWithDialer(dialer, "tcp", *connect, config)
	must(err)
	connection.SetDeadline(time.Now().Add(10 * time.Second))
	fmt.Fprintf(connection, "GET / HTTP/1.0\r\nHost: %s\r\n\r\n", *name)
	_, err = io.Copy(os.Stdout, connection)
	connection.Close()
	must(err)
}
