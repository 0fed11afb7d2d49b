// Connection and server: what clients ask before they do anything, and what people ask about this node.
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>

#include "node/redis/call.h"
#include "node/redis/command_docs.h"
#include "node/redis/command_table.h"
#include "node/redis/commands.h"
#include "node/redis/glob.h"
#include "node/redis/limits.h"
#include "node/redis/port_facts.h"
#include "node/version.h"

namespace kith::redis {

namespace {

void fail_subcommand(Call& call) {
  call.fail("ERR unknown subcommand '" + std::string(call.argument(1).substr(0, 128)) + "'. Try " + upper(call.spec.name) + " HELP.");
}

// True when the subcommand has so many arguments, its command and itself among them; else the answer is an error.
bool subcommand_fits(Call& call, std::size_t least, std::size_t most) {
  if (call.count() >= least && call.count() <= most) return true;
  call.fail("ERR wrong number of arguments for '" + std::string(call.spec.name) + "|" + lower(call.argument(1)) + "' command");
  return false;
}

void answer_help(Call& call, const std::vector<std::string_view>& lines) {
  call.out.array(lines.size());
  for (const std::string_view line : lines) call.out.simple(line);
}

bool plain_client_text(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '!' && c <= '~'; });
}

// Of what notify-keyspace-events may be: anything that does not switch all of it off, and that Redis would take.
bool asks_for_events(std::string_view flags) {
  return flags.find_first_of("KE") != std::string_view::npos && flags.find_first_not_of("AKEg$lshzxetdmn") == std::string_view::npos;
}

std::string port_of(const std::string& address) { return address.substr(address.rfind(':') + 1); }

std::string client_line(Call& call) {
  const ClientState& client = call.client;
  return "id=" + std::to_string(client.id) + " addr=" + client.address + " laddr=" + client.local_address +
         " name=" + client.name + " age=" + std::to_string((call.reads.now_ms() - client.connected_ms) / 1000) +
         " db=0 sub=" + std::to_string(client.channels) + " psub=" + std::to_string(client.patterns) + " resp=" + std::to_string(call.out.protocol()) + " lib-name=" + client.library +
         " lib-ver=" + client.library_version + " user=default cmd=client|" + lower(call.argument(1));
}

// ---- INFO

struct Section {
  std::string_view name;
  std::string_view title;
  void (*write)(Call& call, std::string& out);
};

void line(std::string& out, std::string_view name, std::string_view value) {
  out += name;
  out += ':';
  out += value;
  out += "\r\n";
}
void line(std::string& out, std::string_view name, std::uint64_t value) { line(out, name, std::to_string(value)); }

std::string seconds_of(const timeval& time) {
  std::string micros = std::to_string(time.tv_usec);
  return std::to_string(time.tv_sec) + '.' + std::string(6 - micros.size(), '0') + micros;
}

void info_server(Call& call, std::string& out) {
  const PortFacts& facts = call.facts;
  line(out, "redis_version", kRedisVersion);
  line(out, "redis_mode", "standalone");
  line(out, "server_name", "kith");
  line(out, "kith_version", kVersion);
  line(out, "kith_node", call.reads.services().node);
  line(out, "kith_table", call.reads.services().table);
  line(out, "process_id", static_cast<std::uint64_t>(::getpid()));
  line(out, "run_id", facts.run_id);
  line(out, "tcp_port", port_of(facts.address));
  line(out, "uptime_in_seconds", static_cast<std::uint64_t>(std::max<std::int64_t>(0, call.reads.now_ms() - facts.started_ms) / 1000));
  line(out, "io_threads_active", facts.threads > 1 ? 1 : 0);
}

void info_clients(Call& call, std::string& out) {
  line(out, "connected_clients", call.facts.connected);
  line(out, "maxclients", call.facts.clients_max);
  line(out, "blocked_clients", std::uint64_t{0});
}

void info_memory(Call& call, std::string& out) {
  line(out, "used_memory", call.facts.bytes_held);
  line(out, "mem_clients_normal", call.facts.bytes_held);
  line(out, "maxmemory", std::uint64_t{0});
  line(out, "maxmemory_policy", "noeviction");
}

void info_persistence(Call& call, std::string& out) {
  // Not before this node belongs to a cluster: then it answers what is read.
  line(out, "loading", call.reads.services().shard_count() == 0 ? 1 : 0);
  line(out, "async_loading", std::uint64_t{0});
  line(out, "rdb_bgsave_in_progress", std::uint64_t{0});
  line(out, "aof_enabled", std::uint64_t{1});
  line(out, "aof_last_write_status", "ok");
}

void info_stats(Call& call, std::string& out) {
  const PortFacts& facts = call.facts;
  line(out, "total_connections_received", facts.connections);
  line(out, "total_commands_processed", facts.commands);
  line(out, "total_net_input_bytes", facts.bytes_in);
  line(out, "total_net_output_bytes", facts.bytes_out);
  line(out, "rejected_connections", facts.refused_connections);
  line(out, "total_error_replies", facts.error_replies);
  line(out, "kith_subscribers", facts.subscribers);
  line(out, "kith_malformed_connections", facts.malformed);
  line(out, "kith_connections_cut_off", facts.cut_off);
}

void info_replication(Call& call, std::string& out) {
  // All nodes are masters; `kith status` tells who they are and how far each has got.
  line(out, "role", "master");
  line(out, "connected_slaves", std::uint64_t{0});
  line(out, "kith_reads_may_be_stale", call.reads.services().may_be_stale() ? 1 : 0);
}

void info_cpu(Call&, std::string& out) {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  line(out, "used_cpu_sys", seconds_of(usage.ru_stime));
  line(out, "used_cpu_user", seconds_of(usage.ru_utime));
}

void info_cluster(Call&, std::string& out) { line(out, "cluster_enabled", std::uint64_t{0}); }

void info_keyspace(Call& call, std::string& out) {
  if (call.reads.services().shard_count() == 0) return;
  const std::uint64_t keys = call.reads.key_count(false);
  if (keys > 0) line(out, "db0", "keys=" + std::to_string(keys) + ",expires=0,avg_ttl=0");
}

constexpr Section kSections[] = {
    {"server", "Server", info_server},
    {"clients", "Clients", info_clients},
    {"memory", "Memory", info_memory},
    {"persistence", "Persistence", info_persistence},
    {"stats", "Stats", info_stats},
    {"replication", "Replication", info_replication},
    {"cpu", "CPU", info_cpu},
    {"cluster", "Cluster", info_cluster},
    {"keyspace", "Keyspace", info_keyspace},
};

}  // namespace

void do_ping(Call& call) {
  if (call.count() > 2) return call.fail("ERR wrong number of arguments for 'ping' command");
  if (call.count() == 1) return call.out.simple("PONG");
  call.out.bulk(call.argument(1));
}

void do_echo(Call& call) { call.out.bulk(call.argument(1)); }

void do_time(Call& call) {
  const std::int64_t now_ms = call.reads.now_ms();
  call.out.array(2);
  call.out.bulk(std::to_string(now_ms / 1000));
  call.out.bulk(std::to_string(now_ms % 1000 * 1000));
}

void do_select(Call& call) {
  const auto index = call.integer(1);
  if (!index) return;
  if (*index != 0) return call.fail("ERR DB index is out of range");
  call.out.ok();
}

void do_unwatch(Call& call) { call.out.ok(); }

void do_refused(Call& call) {
  std::string why(call.spec.summary);  // "Not here: ..."
  call.fail("ERR " + upper(call.spec.name) + " is not done here: " + why.substr(why.find(": ") + 2) + ". Nothing was changed");
}

void do_client(Call& call) {
  const std::string what = lower(call.argument(1));
  if (what == "id") {
    if (subcommand_fits(call, 2, 2)) call.out.integer(static_cast<std::int64_t>(call.client.id));
  } else if (what == "getname") {
    if (!subcommand_fits(call, 2, 2)) return;
    if (call.client.name.empty()) return call.out.null();
    call.out.bulk(call.client.name);
  } else if (what == "setname") {
    if (!subcommand_fits(call, 3, 3)) return;
    const std::string_view name = call.argument(2);
    if (!plain_client_text(name)) return call.fail("ERR Client names cannot contain spaces, newlines or special characters.");
    if (name.size() > kClientNameBytesMax) {
      return call.fail("ERR the client's name has " + std::to_string(name.size()) + " bytes; the limit is " + std::to_string(kClientNameBytesMax));
    }
    call.client.name = name;
    call.out.ok();
  } else if (what == "setinfo") {
    if (!subcommand_fits(call, 4, 4)) return;
    const std::string_view text = call.argument(3);
    const bool library = same_word(call.argument(2), "lib-name"), version = same_word(call.argument(2), "lib-ver");
    if (!library && !version) return call.fail("ERR Unrecognized option '" + std::string(call.argument(2).substr(0, 128)) + "'");
    if (!plain_client_text(text) || text.size() > kClientNameBytesMax) {
      return call.fail("ERR " + lower(call.argument(2)) + " cannot contain spaces, newlines or special characters.");
    }
    (library ? call.client.library : call.client.library_version) = text;
    call.out.ok();
  } else if (what == "info") {
    if (subcommand_fits(call, 2, 2)) call.out.text(client_line(call) + "\n");
  } else if (what == "list") {
    call.out.text(client_line(call) + "\n");  // Other clients' names are nobody's business here.
  } else if (what == "no-evict" || what == "no-touch" || what == "reply") {
    if (!subcommand_fits(call, 3, 3)) return;
    const std::string_view word = call.argument(2);
    if (what == "reply" && (same_word(word, "off") || same_word(word, "skip"))) {
      return call.fail("ERR CLIENT REPLY OFF is not done here: a write whose answer nobody reads may have been refused");
    }
    if (!same_word(word, "on") && (what == "reply" || !same_word(word, "off"))) return call.fail_syntax();
    call.out.ok();
  } else if (what == "help") {
    answer_help(call, {"CLIENT <subcommand> [<arg> ...]. Subcommands are:", "GETNAME, SETNAME <name>", "    The name of this connection.",
                       "ID", "    The number of this connection.", "INFO, LIST", "    What is known of this connection.",
                       "SETINFO <LIB-NAME|LIB-VER> <value>", "    Which library this is.", "HELP", "    Prints this help."});
  } else {
    fail_subcommand(call);
  }
}

void do_config(Call& call) {
  const std::string what = lower(call.argument(1));
  if (what == "get") {
    if (!subcommand_fits(call, 3, SIZE_MAX)) return;
    const PortFacts& facts = call.facts;
    const std::vector<std::pair<std::string, std::string>> settings = {
        {"appendfsync", "always"},  // Nothing is answered before it is on the disk.
        {"appendonly", "yes"},
        {"bind", facts.address.substr(0, facts.address.rfind(':'))},
        {"databases", "1"},
        {"maxclients", std::to_string(facts.clients_max)},
        {"maxmemory", "0"},
        {"maxmemory-policy", "noeviction"},
        {"notify-keyspace-events", "AKE"},  // Told to whoever subscribes; nothing has to be switched on.
        {"port", port_of(facts.address)},
        {"proto-max-bulk-len", std::to_string(kCommandBytesMax)},
        {"save", ""},
        {"timeout", "0"},
    };
    std::vector<const std::pair<std::string, std::string>*> found;
    std::uint64_t steps = 0;
    for (const auto& setting : settings) {
      for (std::size_t i = 2; i < call.count(); ++i) {
        if (steps > kGlobStepsMax || !glob_matches(lower(call.argument(i)), setting.first, steps)) continue;
        found.push_back(&setting);
        break;
      }
    }
    call.out.map(found.size());
    for (const auto* setting : found) {
      call.out.bulk(setting->first);
      call.out.bulk(setting->second);
    }
  } else if (what == "set" && call.count() == 4 && same_word(call.argument(2), "notify-keyspace-events") && asks_for_events(call.argument(3))) {
    call.out.ok();  // As it is.
  } else if (what == "set" || what == "rewrite" || what == "resetstat") {
    call.fail("ERR CONFIG " + what + " is not done here: what is set is said when kithd is started (kithd --help)");
  } else if (what == "help") {
    answer_help(call, {"CONFIG <subcommand> [<arg> ...]. Subcommands are:", "GET <pattern> [<pattern> ...]", "    Settings, as Redis calls them.",
                       "HELP", "    Prints this help."});
  } else {
    fail_subcommand(call);
  }
}

void do_command(Call& call) {
  if (call.count() == 1) return answer_command_infos(call.out);
  const std::string what = lower(call.argument(1));
  const std::vector<std::string_view> names(call.arguments.begin() + 2, call.arguments.end());
  if (what == "count") {
    if (subcommand_fits(call, 2, 2)) call.out.integer(static_cast<std::int64_t>(command_table().size()));
  } else if (what == "info") {
    if (names.empty()) return answer_command_infos(call.out);
    call.out.array(names.size());
    for (const std::string_view name : names) answer_command_info(call.out, find_command(name));
  } else if (what == "docs") {
    answer_command_docs(call.out, names);
  } else if (what == "list") {
    if (!subcommand_fits(call, 2, 2)) return;
    call.out.array(command_table().size());
    for (const CommandSpec& spec : command_table()) call.out.bulk(spec.name);
  } else if (what == "help") {
    answer_help(call, {"COMMAND <subcommand> [<arg> ...]. Subcommands are:", "(no subcommand), INFO [<name> ...]", "    How commands are called.",
                       "COUNT", "    How many there are.", "DOCS [<name> ...]", "    What they do.", "LIST", "    Their names.",
                       "HELP", "    Prints this help."});
  } else {
    fail_subcommand(call);
  }
  if (call.out.size() - call.began > kReplyBytesMax) call.fail("ERR too many names");
}

void do_info(Call& call) {
  std::vector<std::string> wanted;
  for (std::size_t i = 1; i < call.count(); ++i) wanted.push_back(lower(call.argument(i)));
  const auto asked = [&](std::string_view name) {
    return wanted.empty() || std::any_of(wanted.begin(), wanted.end(), [&](const std::string& word) {
             return word == name || word == "all" || word == "everything" || word == "default";
           });
  };
  std::string out;
  for (const Section& section : kSections) {
    if (!asked(section.name)) continue;
    if (!out.empty()) out += "\r\n";
    out += "# " + std::string(section.title) + "\r\n";
    section.write(call, out);
  }
  if (!call.reads_failed()) call.out.text(out);
}

}  // namespace kith::redis
