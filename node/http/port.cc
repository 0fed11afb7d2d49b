#include "node/http/port.h"

#include <algorithm>
#include <charconv>

#include "node/http/api_compare.h"
#include "node/http/api_documents.h"
#include "node/http/health.h"
#include "node/http/metrics.h"
#include "node/http/page.h"
#include "node/http/server.h"
#include "node/http/watch.h"
#include "node/log.h"

namespace kith {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kStatusTimeout{1000};
constexpr std::size_t kEventsAtOnceMax = 512;

std::string_view severity_of(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
    case LogLevel::kInfo: return "info";
    case LogLevel::kWarning: return "warning";
    case LogLevel::kError: break;
  }
  return "bad";
}

std::int64_t wall_ms() {
  return std::chrono::duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

HttpReply json_reply(std::string document) { return {.type = "application/json", .body = std::move(document) + "\n"}; }

// A whole number in the query; `absent` when it is not there, nothing when it is none.
std::optional<std::uint64_t> number_in(const HttpRequest& request, const std::string& name, std::uint64_t absent, std::uint64_t most) {
  const auto text = request.parameter(name);
  if (!text) return absent;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (text->empty() || error != std::errc{} || end != text->data() + text->size() || value > most) return std::nullopt;
  return value;
}

HttpReply bad_number(const std::string& name, std::uint64_t most) {
  return http_error(400, "\"" + name + "\" must be a whole number from 0 to " + std::to_string(most));
}

}  // namespace

struct HttpPort::Impl {
  Impl(const std::string& where, Window& the_window) : window(the_window), watch(window), server(where) {
    server.on("/", [](const HttpRequest&) { return page_reply(); });
    server.on("/livez", [this](const HttpRequest& request) { return livez(checks_of(status()), request.has("verbose")); });
    server.on("/readyz", [this](const HttpRequest& request) { return readyz(checks_of(status()), request.has("verbose")); });
    server.on("/metrics", [this](const HttpRequest&) { return metrics(); });
    server.on("/api/v1/status", with_picture([](const Picture& picture, const HttpRequest&) {
                return json_reply(status_json(picture, std::chrono::steady_clock::now()));
              }));
    server.on("/api/v1/nodes", with_picture([](const Picture& picture, const HttpRequest&) {
                return json_reply(nodes_json(picture, std::chrono::steady_clock::now()));
              }));
    server.on("/api/v1/diff", with_picture([this](const Picture& picture, const HttpRequest& request) { return api_diff(picture, window, request); }));
    server.on("/api/v1/explain",
              with_picture([this](const Picture& picture, const HttpRequest& request) { return api_explain(picture, window, request); }));
    server.on("/api/v1/events", [this](const HttpRequest& request) {
      const auto after = number_in(request, "after", 0, UINT64_MAX);
      if (!after) return bad_number("after", UINT64_MAX);
      return json_reply(events_json(watch.events().after(*after, kEventsAtOnceMax), watch.events().last()));
    });
    server.on("/api/v1/history", [this](const HttpRequest& request) {
      const auto since = number_in(request, "since_ms", 0, INT64_MAX);
      if (!since) return bad_number("since_ms", INT64_MAX);
      return json_reply(history_json(watch.history().since(static_cast<std::int64_t>(*since)), wall_ms()));
    });
  }

  std::optional<NodeStatus> status() {
    const auto document = window.status(kStatusTimeout);
    return document ? std::optional(parse_node_status(*document)) : std::nullopt;
  }

  HttpReply metrics() {
    const auto own = status();
    if (!own) return http_error(503, checks_of(own).front().why);
    const auto picture = watch.glance();
    return {.type = "text/plain; version=0.0.4; charset=utf-8",
            .body = metrics_text({*own, window.meters(), picture.get(), watch.removals(), server.counters()}, std::chrono::steady_clock::now())};
  }

  HttpServer::Handler with_picture(std::function<HttpReply(const Picture&, const HttpRequest&)> answer) {
    return [this, answer = std::move(answer)](const HttpRequest& request) {
      const auto picture = watch.look();
      if (!picture) return http_error(503, "this node has not seen itself yet: its engine's thread did not answer; try again in a moment");
      return answer(*picture, request);
    };
  }

  Window& window;
  Watch watch;
  HttpServer server;
};

HttpPort::HttpPort(const std::string& address, Window& window) : impl_(std::make_unique<Impl>(address, window)) {}

HttpPort::~HttpPort() {
  watch_log(nullptr);
  impl_->server.stop();
}

void HttpPort::start() {
  watch_log([events = &impl_->watch.events()](LogLevel level, const std::string& text) {
    events->add(wall_ms(), "log", std::string(severity_of(level)), text);
  });
  impl_->watch.start();
  impl_->server.start();
  log(LogLevel::kInfo, "listening: HTTP on " + impl_->server.address());
}

const std::string& HttpPort::address() const { return impl_->server.address(); }

}  // namespace kith
