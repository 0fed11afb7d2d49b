// node/log.h -- what a node says of itself, on stderr: a line for people, or one JSON object a line.
//
// One log a process, as there is one stderr.  Any thread.  spdlog is in log.cc only.
#pragma once

#include <functional>
#include <string>

namespace kith {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

// `level`: debug, info, warning or error.  Call once, before any thread is started; until then the log is plain and "info".
void start_log(const std::string& level, bool json, const std::string& node);

void log(LogLevel level, const std::string& text);

// Tells `watcher` of every line that is shown too, on the thread that logs it; nothing: nobody any more, and when this returns
// nobody is being told.  The watcher must not log.  One at a time.
void watch_log(std::function<void(LogLevel, const std::string&)> watcher);

}  // namespace kith
