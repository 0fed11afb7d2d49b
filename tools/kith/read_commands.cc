#include "tools/kith/read_commands.h"

#include <ostream>

#include "node/view/json_text.h"
#include "node/view/text.h"
#include "tools/kith/ask.h"

namespace kith::tools {
namespace {

// {"key": .., "members": [..]} written as it comes in.
class JsonStream {
 public:
  JsonStream(std::ostream& out, const std::string& begin, const std::string& end)
      : out_(out), end_(end) {
    out_ << begin;
  }
  void item(const std::string& text) {
    if (!first_) out_ << ", ";
    first_ = false;
    out_ << text;
  }
  void finish() { out_ << end_ << '\n'; }

 private:
  std::ostream& out_;
  std::string end_;
  bool first_ = true;
};

// One value: raw, with a newline.
ExitCode print_value(Context& context, const CommandLine& line, const ClientReply& reply) {
  const bool found = reply.status != Status::kNotFound && reply.value.has_value();
  std::ostream& out = context.console.out;
  if (line.settings.json) {
    out << "{\"key\": " << json_text(line.arguments[0]);
    if (line.arguments.size() > 1) out << ", \"field\": " << json_text(line.arguments[1]);
    out << ", \"value\": " << (found ? json_text(*reply.value) : "null") << "}\n";
  } else if (found) {
    out << *reply.value << '\n';
  } else {
    context.console.err << "(not found)\n";
  }
  return found ? ExitCode::kOk : ExitCode::kNotFound;
}

Request request_for_key(const CommandLine& line, ClientOp op) {
  Request request = request_of(line, op);
  request.key = line.arguments[0];
  request.replicas = line.read_level;
  if (line.arguments.size() > 1) request.members = {line.arguments[1]};
  return request;
}

}  // namespace

ExitCode run_get(Context& context, const CommandLine& line) {
  return print_value(context, line, ask(context, line.settings, request_for_key(line, ClientOp::kGet)));
}

ExitCode run_hget(Context& context, const CommandLine& line) {
  return print_value(context, line, ask(context, line.settings, request_for_key(line, ClientOp::kHget)));
}

ExitCode run_sismember(Context& context, const CommandLine& line) {
  const ClientReply reply = ask(context, line.settings, request_for_key(line, ClientOp::kSismember));
  const bool member = reply.number > 0;
  if (line.settings.json) {
    context.console.out << "{\"key\": " << json_text(line.arguments[0])
                        << ", \"member\": " << json_text(line.arguments[1])
                        << ", \"present\": " << (member ? "true" : "false") << "}\n";
  } else {
    context.console.out << (member ? "yes" : "no") << '\n';
  }
  return member ? ExitCode::kOk : ExitCode::kNotFound;
}

ExitCode run_scard(Context& context, const CommandLine& line) {
  const ClientReply reply = ask(context, line.settings, request_for_key(line, ClientOp::kScard));
  if (line.settings.json) {
    context.console.out << "{\"key\": " << json_text(line.arguments[0]) << ", \"members\": " << reply.number << "}\n";
  } else {
    context.console.out << reply.number << '\n';
  }
  return ExitCode::kOk;
}

ExitCode run_ttl(Context& context, const CommandLine& line) {
  const ClientReply reply = ask(context, line.settings, request_for_key(line, ClientOp::kTtl));
  const bool found = reply.status != Status::kNotFound;
  std::ostream& out = context.console.out;
  if (line.settings.json) {
    out << "{\"key\": " << json_text(line.arguments[0]);
    if (line.arguments.size() > 1) out << ", \"field\": " << json_text(line.arguments[1]);
    out << ", \"found\": " << (found ? "true" : "false") << ", \"ttl_ms\": " << (reply.ttl_ms ? std::to_string(*reply.ttl_ms) : "null") << "}\n";
  } else if (found) {
    out << (reply.ttl_ms ? duration_in_words(*reply.ttl_ms) : "does not expire") << '\n';
  } else {
    context.console.err << "(not found)\n";
  }
  return found ? ExitCode::kOk : ExitCode::kNotFound;
}

ExitCode run_count(Context& context, const CommandLine& line) {
  const ClientReply reply = ask(context, line.settings, request_for_key(line, ClientOp::kCount));
  const std::int64_t total = reply.total.value_or(0);
  if (line.settings.json) {
    context.console.out << "{\"key\": " << json_text(line.arguments[0]) << ", \"total\": " << total << "}\n";
  } else {
    context.console.out << total << '\n';
  }
  return ExitCode::kOk;
}

ExitCode run_smembers(Context& context, const CommandLine& line) {
  std::ostream& out = context.console.out;
  const Request request = request_for_key(line, ClientOp::kSmembers);
  if (line.settings.json) {
    JsonStream stream(out, "{\"key\": " + json_text(line.arguments[0]) + ", \"members\": [", "]}");
    each_page(context, line.settings.address(), line.settings, request, [&](const ClientReply& page) {
      for (const std::string& member : page.members) stream.item(json_text(member));
    });
    stream.finish();
  } else {
    each_page(context, line.settings.address(), line.settings, request, [&](const ClientReply& page) {
      for (const std::string& member : page.members) out << escaped(member) << '\n';
    });
  }
  return ExitCode::kOk;
}

ExitCode run_hgetall(Context& context, const CommandLine& line) {
  std::ostream& out = context.console.out;
  const Request request = request_for_key(line, ClientOp::kHgetall);
  if (line.settings.json) {
    // A list, since a field that is not UTF-8 cannot be a name in a JSON object.
    JsonStream stream(out, "{\"key\": " + json_text(line.arguments[0]) + ", \"fields\": [", "]}");
    each_page(context, line.settings.address(), line.settings, request, [&](const ClientReply& page) {
      for (const auto& [field, value] : page.fields) {
        stream.item("{\"field\": " + json_text(field) + ", \"value\": " + json_text(value) + "}");
      }
    });
    stream.finish();
  } else {
    each_page(context, line.settings.address(), line.settings, request, [&](const ClientReply& page) {
      for (const auto& [field, value] : page.fields) {
        out << context.console.paint(Color::kFaint, escaped(field) + ":") << ' ' << escaped(value) << '\n';
      }
    });
  }
  return ExitCode::kOk;
}

ExitCode run_keys(Context& context, const CommandLine& line) {
  std::ostream& out = context.console.out;
  Request request = request_of(line, ClientOp::kKeys);
  if (!line.arguments.empty()) request.prefix = line.arguments[0];
  if (line.settings.json) {
    JsonStream stream(out, "{\"keys\": [", "]}");
    each_page(context, line.settings.address(), line.settings, request, [&](const ClientReply& page) {
      for (const KeyInfo& key : page.keys) {
        stream.item("{\"key\": " + json_text(key.key) + ", \"kind\": \"" + std::string(to_string(key.kind)) +
                    "\", \"live\": " + std::to_string(key.live) +
                    (key.kind == Kind::kCounter ? ", \"total\": " + std::to_string(key.total) : "") + "}");
      }
    });
    stream.finish();
    return ExitCode::kOk;
  }
  std::string last;
  bool any = false;
  each_page(context, line.settings.address(), line.settings, request, [&](const ClientReply& page) {
    for (const KeyInfo& key : page.keys) {
      if (line.long_form) {
        out << escaped(key.key) << '\t' << to_string(key.kind) << '\t';
        if (key.kind == Kind::kCounter) out << key.total << '\n';
        else out << key.live << '\n';
      } else if (!any || key.key != last) {  // A key with values of several kinds comes once for each.
        out << escaped(key.key) << '\n';
      }
      last = key.key;
      any = true;
    }
  });
  return ExitCode::kOk;
}

}  // namespace kith::tools
