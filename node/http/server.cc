#include "node/http/server.h"

#include <arpa/inet.h>
#include <httplib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "crdt/check.h"
#include "node/address.h"
#include "node/json_text.h"
#include "node/listen.h"
#include "node/log.h"

namespace kith {
namespace {

// The library gives a connection to its queue as a function that serves it; which connection that is it does not say.  So
// who is to be turned away is served too, on the accepting thread, under this sign.
thread_local bool turned_away = false;
// Whose request this thread serves: when the library cannot read on, this knows why.
thread_local const SocketGuard* served = nullptr;

class Workers : public httplib::TaskQueue {
 public:
  Workers() {
    for (std::size_t i = 0; i < kHttpThreads; ++i) threads_.emplace_back([this] { work(); });
  }

  void enqueue(std::function<void()> serve) override {
    {
      const std::scoped_lock lock(mutex_);
      if (waiting_.size() < kHttpWaitingMax) {
        waiting_.push_back(std::move(serve));
        wanted_.notify_one();
        return;
      }
    }
    turned_away = true;
    serve();
    turned_away = false;
  }

  void shutdown() override {
    {
      const std::scoped_lock lock(mutex_);
      ended_ = true;
    }
    wanted_.notify_all();
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

 private:
  void work() {
    for (;;) {
      std::unique_lock lock(mutex_);
      wanted_.wait(lock, [&] { return ended_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
      const std::function<void()> serve = std::move(waiting_.front());
      waiting_.pop_front();
      lock.unlock();
      serve();
    }
  }

  std::mutex mutex_;
  std::condition_variable wanted_;
  std::deque<std::function<void()>> waiting_;
  bool ended_ = false;
  std::vector<std::thread> threads_;
};

class Stream : public httplib::Stream {
 public:
  explicit Stream(SocketGuard& guard) : guard_(guard) {}
  bool is_readable() const override { return true; }
  bool is_writable() const override { return true; }
  ssize_t read(char* to, size_t size) override { return guard_.read(to, size); }
  ssize_t write(const char* from, size_t size) override { return guard_.write(from, size); }
  // Nobody is told apart by address here.
  void get_remote_ip_and_port(std::string&, int&) const override {}
  void get_local_ip_and_port(std::string&, int&) const override {}
  socket_t socket() const override { return guard_.socket(); }

 private:
  SocketGuard& guard_;
};

// Where the library has nothing to say.
std::string raw_reply(const std::string& status, const std::string& body) {
  return "HTTP/1.1 " + status + "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\nConnection: close\r\n\r\n" + body;
}

bool is_loopback(const std::string& host) {
  in_addr v4{};
  in6_addr v6{};
  if (::inet_pton(AF_INET, host.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  if (::inet_pton(AF_INET6, host.c_str(), &v6) == 1) return IN6_IS_ADDR_LOOPBACK(&v6) != 0;
  return host == "localhost";
}

// "LocalHost:8767" -> "localhost", "[::1]" -> "::1"
std::string host_in(std::string header) {
  std::transform(header.begin(), header.end(), header.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (header.starts_with("[")) return header.substr(1, header.find(']') - 1);
  return header.substr(0, header.find(':'));
}

// What the library finds wrong, or cannot read.
HttpReply unreadable(int status, const HttpLimits& limits) {
  using Why = SocketGuard::Why;
  const Why why = served == nullptr ? Why::kFine : served->why();
  if (why == Why::kTooLarge) return http_error(431, "a request may have at most " + std::to_string(limits.request_bytes_max) + " bytes");
  if (why == Why::kTooSlow) return http_error(408, "the request was not complete within " + std::to_string(limits.request_time.count()) + " ms");
  return http_error(status, status == 414 ? "the address of the request is too long" : "this is no HTTP request that can be understood");
}

void put(HttpReply reply, httplib::Response& into) {
  into.status = reply.status;
  for (const auto& [name, value] : reply.headers) into.set_header(name.c_str(), value);
  into.set_header("X-Content-Type-Options", "nosniff");
  into.set_header("Cache-Control", "no-store");
  // SUBTLE: by a provider, since what is set as content the library may compress, slowly, and that on a node's machine.
  const auto body = std::make_shared<const std::string>(std::move(reply.body));
  if (body->empty()) return;
  into.set_content_provider(body->size(), reply.type, [body](std::size_t at, std::size_t size, httplib::DataSink& sink) {
    return sink.write(body->data() + at, size);
  });
}

}  // namespace

std::optional<std::string> HttpRequest::parameter(const std::string& name) const {
  const auto found = parameters.find(name);
  return found == parameters.end() ? std::nullopt : std::optional(found->second);
}

HttpReply http_error(int status, const std::string& message) {
  return {.status = status, .type = "application/json", .body = dump({{"error", message}}) + "\n"};
}

struct HttpServer::Impl final : httplib::Server {
  Impl(const std::string& where, const HttpLimits& the_limits) : limits(the_limits) {
    auto asked = parse_address(where);
    KITH_CHECK(asked.has_value(), "an address that the configuration let pass", where);
    const auto number = resolve(*asked);
    if (!number) throw ListenError("cannot listen for HTTP on " + where + ": that host has no address");
    set_socket_options([](socket_t socket) {
      // Not SO_REUSEPORT, which is the library's own choice: two nodes would share a port, and each get half of the requests.
      const int yes = 1;
      ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    });
    new_task_queue = [] { return new Workers; };
    set_address_family(number->host.find(':') == std::string::npos ? AF_INET : AF_INET6);
    errno = 0;
    const std::string host = number->host == "*" ? "0.0.0.0" : number->host;
    int port = number->port;
    const bool bound = port == 0 ? (port = bind_to_any_port(host)) > 0 : bind_to_port(host, port);
    if (!bound) {
      throw ListenError("cannot listen for HTTP on " + where + ": " + std::strerror(errno) +
                        (errno == EADDRINUSE ? "; another process has that port: stop it, or choose another" : ""));
    }
    asked->port = static_cast<std::uint16_t>(port);
    address = to_string(*asked);
    loopback = is_loopback(host);
    set_pre_routing_handler([this](const httplib::Request& request, httplib::Response& response) {
      const HttpReply reply = answer(request);
      if (reply.status >= 400) ++counters.errors;
      put(reply, response);
      return HandlerResponse::Handled;
    });
    // What the library itself finds wrong: no request line, an address that is too long.
    set_error_handler([this](const httplib::Request&, httplib::Response& response) {
      if (response.content_length_ == 0) put(unreadable(response.status, limits), response);
    });
  }

  HttpReply answer(const httplib::Request& request) {
    ++counters.requests;
    if (request.method != "GET" && request.method != "HEAD") {
      HttpReply reply = http_error(405, "only GET and HEAD are served here; data is written through the client port");
      reply.headers.emplace_back("Allow", "GET, HEAD");
      return reply;
    }
    if (loopback && !is_loopback(host_in(request.get_header_value("Host")))) {
      return http_error(421, "this port is for this machine only: ask for it as localhost, 127.0.0.1 or [::1], on " + address);
    }
    if (!request.ranges.empty()) return http_error(416, "parts of an answer are not served: ask without Range");
    const auto found = handlers.find(request.path);
    if (found == handlers.end()) {
      std::string paths;
      for (const auto& [path, handler] : handlers) paths += (paths.empty() ? "" : ", ") + path;
      return http_error(404, "there is no " + shown(request.path) + " here; there are " + paths);
    }
    HttpRequest asked{request.path, {}};
    asked.parameters.insert(request.params.begin(), request.params.end());
    try {
      return found->second(asked);
    } catch (const std::exception& error) {
      log(LogLevel::kError, "HTTP " + request.path + " failed: " + error.what());
      return http_error(500, std::string("this node could not answer: ") + error.what() + "; its log has a line of it");
    }
  }

  // SUBTLE: private in the base, and virtual: made to be replaced, as its TLS server does.
  bool process_and_close_socket(socket_t socket) override {
    SocketGuard guard(socket, limits, ended);
    if (turned_away) {
      ++counters.busy;
      const std::string reply = raw_reply("503 Service Unavailable", http_error(503, "too many connections wait already: try again in a moment").body);
      (void)::send(socket, reply.data(), reply.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    } else {
      serve(guard);
    }
    ::close(socket);
    return true;
  }

  void serve(SocketGuard& guard) {
    Stream stream(guard);
    bool closed = false;
    served = &guard;
    try {
      (void)process_request(stream, true, closed, nullptr);
    } catch (const std::exception& error) {
      log(LogLevel::kError, std::string("an HTTP request could not be served: ") + error.what());
    }
    using Why = SocketGuard::Why;
    if (guard.why() != Why::kFine && guard.heard()) ++counters.malformed;
    if (!guard.answered() && !ended && (guard.why() == Why::kTooLarge || guard.why() == Why::kTooSlow)) {
      const HttpReply reply = unreadable(400, limits);
      const std::string bytes = raw_reply(reply.status == 431 ? "431 Request Header Fields Too Large" : "408 Request Timeout", reply.body);
      (void)guard.write(bytes.data(), bytes.size());
    }
    served = nullptr;
    if (!ended) guard.linger();
  }

  const HttpLimits limits;
  std::string address;
  bool loopback = false;
  std::map<std::string, HttpServer::Handler> handlers;
  HttpCounters counters;
  std::atomic<bool> ended{false};  // Asked to.
  std::atomic<bool> over{false};   // The thread is.
  std::thread thread;
};

HttpServer::HttpServer(const std::string& address, const HttpLimits& limits) : impl_(std::make_unique<Impl>(address, limits)) {}
HttpServer::~HttpServer() { stop(); }

void HttpServer::on(const std::string& path, Handler handler) { impl_->handlers[path] = std::move(handler); }

void HttpServer::start() {
  impl_->thread = std::thread([impl = impl_.get()] {
    if (!impl->listen_after_bind() && !impl->ended) log(LogLevel::kError, "the HTTP port on " + impl->address + " takes no connections any more");
    impl->over = true;
  });
}

void HttpServer::stop() {
  if (!impl_->thread.joinable()) return;
  impl_->ended = true;
  // SUBTLE: the library's stop() does nothing before its thread has begun to accept.
  while (!impl_->is_running() && !impl_->over) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  static_cast<httplib::Server&>(*impl_).stop();
  impl_->thread.join();
}

const std::string& HttpServer::address() const { return impl_->address; }
const HttpCounters& HttpServer::counters() const { return impl_->counters; }

}  // namespace kith
