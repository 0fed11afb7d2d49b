#include "node/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <mutex>
#include <nlohmann/json.hpp>
#include <utility>

#include "node/json_text.h"

namespace kith {

namespace {

struct State {
  std::shared_ptr<spdlog::logger> logger;
  bool json = false;
};

State make_state(const std::string& level, bool json, const std::string& node) {
  State out{std::make_shared<spdlog::logger>("kith", std::make_shared<spdlog::sinks::stderr_sink_mt>()), json};
  const std::string name = node.empty() ? "kithd" : node;
  const std::string pattern = json ? R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l","node":)" + dump(name) + R"(,"message":%v})"
                                   : "%Y-%m-%dT%H:%M:%S.%eZ " + name + " %l: %v";
  out.logger->set_pattern(pattern, spdlog::pattern_time_type::utc);
  out.logger->set_level(spdlog::level::from_str(level));
  out.logger->flush_on(spdlog::level::debug);
  return out;
}

struct Watched {
  std::mutex mutex;
  std::function<void(LogLevel, const std::string&)> watcher;  // Guarded by mutex.
};

Watched& watch() {
  static Watched the_watch;
  return the_watch;
}

State& state() {
  static State the_state = make_state("info", false, "");
  return the_state;
}

}  // namespace

void start_log(const std::string& level, bool json, const std::string& node) { state() = make_state(level, json, node); }

void watch_log(std::function<void(LogLevel, const std::string&)> watcher) {
  const std::scoped_lock lock(watch().mutex);
  watch().watcher = std::move(watcher);
}

void log(LogLevel level, const std::string& text) {
  static constexpr spdlog::level::level_enum kLevels[] = {spdlog::level::debug, spdlog::level::info, spdlog::level::warn,
                                                          spdlog::level::err};
  const auto shown_level = kLevels[static_cast<std::size_t>(level)];
  // Our text is no format string.
  state().logger->log(shown_level, "{}", state().json ? dump(text) : text);
  if (!state().logger->should_log(shown_level)) return;
  const std::scoped_lock lock(watch().mutex);
  if (watch().watcher) watch().watcher(level, text);
}

}  // namespace kith
