#include "tools/demo/demo_command.h"
#include "tools/kith/backup_command.h"
#include "tools/kith/drain_command.h"
#include "tools/kith/evict_command.h"
#include "tools/kith/cluster_commands.h"
#include "tools/kith/command.h"
#include "tools/kith/diff_command.h"
#include "tools/kith/directory_commands.h"
#include "tools/kith/explain_command.h"
#include "tools/kith/import_command.h"
#include "tools/kith/read_commands.h"
#include "tools/kith/shell.h"
#include "tools/kith/table_command.h"
#include "tools/kith/top_command.h"
#include "tools/kith/write_commands.h"

namespace kith::tools {
namespace {

constexpr std::string_view kReading = "Reading";
constexpr std::string_view kWriting = "Writing";
constexpr std::string_view kCluster = "The cluster";
constexpr std::string_view kDisk = "Data on disk";
constexpr std::string_view kMore = "More";

}  // namespace

const std::vector<Command>& all_commands() {
  static const std::vector<Command> kCommands = {
      {"get", kReading, "KEY", "the value of a register, as it is, and a newline", "kith get note:door\nkith get note:door --read quorum", 1, 1, kReadOption,
       run_get},
      {"smembers", kReading, "KEY", "the members of a set, one a line", "kith smembers likes", 1, 1, kReadOption, run_smembers},
      {"sismember", kReading, "KEY MEMBER", "yes or no (exit code 3)", "kith sismember likes tea", 2, 2, kReadOption,
       run_sismember},
      {"scard", kReading, "KEY", "how many members a set has", "kith scard likes", 1, 1, kReadOption, run_scard},
      {"hget", kReading, "KEY FIELD", "the value of one field of a hash", "kith hget order:7 state", 2, 2, kReadOption, run_hget},
      {"hgetall", kReading, "KEY", "all fields of a hash, one a line", "kith hgetall order:7", 1, 1, kReadOption, run_hgetall},
      {"count", kReading, "KEY", "what a counter stands at; 0 when there is none", "kith count visits", 1, 1, kReadOption,
       run_count},
      {"keys", kReading, "[PREFIX]", "the keys that begin with PREFIX", "kith keys order:\nkith keys --long", 0, 1,
       kLongOption, run_keys},
      {"ttl", kReading, "KEY [FIELD]", "how long a value, or a field of a hash, has left until it expires",
       "kith ttl note:door\nkith ttl order:7 state --json", 1, 2, kReadOption, run_ttl},

      {"set", kWriting, "KEY VALUE|-", "sets a register; - reads the value from standard input",
       "kith set note:door 'back at noon'\nkith set logo --file logo.png\ndate | kith set now -\nkith set t -- -40\n"
       "kith set lease n1 --ttl 30s", 1,
       2, kWriteOptions | kFileOption | kTtlOption, run_set},
      {"del", kWriting, "KEY", "deletes a register; sets, hashes and counters are no registers", "kith del note:door", 1, 1, kWriteOptions, run_del},
      {"sadd", kWriting, "KEY MEMBER [MEMBER..]", "adds to a set", "kith sadd likes tea coffee --replicas 2", 2,
       kManyArguments, kWriteOptions, run_sadd},
      {"srem", kWriting, "KEY MEMBER [MEMBER..]", "removes from a set", "kith srem likes tea", 2, kManyArguments,
       kWriteOptions, run_srem},
      {"hset", kWriting, "KEY FIELD VALUE [FIELD VALUE..]", "sets fields of a hash",
       "kith hset order:7 state paid total 35\nkith hset online anna here --ttl 1m", 3, kManyArguments,
       kWriteOptions | kTtlOption, run_hset},
      {"hdel", kWriting, "KEY FIELD [FIELD..]", "deletes fields of a hash", "kith hdel order:7 total", 2,
       kManyArguments, kWriteOptions, run_hdel},
      {"expire", kWriting, "KEY TIME [FIELD..]", "a value, or fields of a hash, vanish after TIME, counted from now",
       "kith expire note:door 8h\nkith expire order:7 30d state total", 2, kManyArguments, kWriteOptions, run_expire},
      {"persist", kWriting, "KEY [FIELD..]", "they do not expire any more", "kith persist note:door\nkith persist order:7 state", 1,
       kManyArguments, kWriteOptions, run_persist},
      {"incr", kWriting, "KEY [N]", "adds N, or 1, to a counter, once however often it is retried; prints where it stands",
       "kith incr visits\nkith incr stock:tea 40\nkith incr stock:tea -3", 1, 2, kWriteOptions, run_incr},
      {"decr", kWriting, "KEY [N]", "takes N, or 1, away from a counter", "kith decr stock:tea 3", 1, 2, kWriteOptions,
       run_decr},
      {"import", kWriting, "FILE|-", "writes JSON lines, many at a time",
       "kith import likes.jsonl --keep-going\necho '{\"op\":\"sadd\",\"key\":\"likes\",\"members\":[\"tea\"]}' | kith "
       "import -",
       1, 1, kImportOptions, run_import},

      {"table", kCluster, "create|alter|show|list [NAME]", "what a table takes, and when its writes are answered; every node hears of it",
       "kith table create artifacts --keys uuid4 --write quorum\nkith table list", 1, 2, kTableOptions, run_table},
      {"status", kCluster, "", "whether all nodes hold the same, and each node's state",
       "kith status\nkith status --json", 0, 0, 0, run_status},
      {"top", kCluster, "", "the same on one screen, again every second, with who lacks what of whom; q ends it", "kith top", 0, 0, 0, run_top, false},
      {"nodes", kCluster, "", "the members, as one node knows them", "kith nodes", 0, 0, 0, run_nodes},
      {"diff", kCluster, "A B", "the keys in which two nodes differ (exit code 1), with both values",
       "kith diff n1 n2\nkith diff 10.0.0.1:8765 10.0.0.2:8765", 2, 2, 0, run_diff},
      {"wait", kCluster, "--converged", "waits (60 s, or --timeout) until all nodes hold the same",
       "kith wait --converged --timeout 30s", 0, 0, kWaitOptions, run_wait},
      {"explain", kCluster, "KEY [ELEMENT]", "why it is there or not, who has seen that, and when what was removed is forgotten",
       "kith explain likes tea\nkith explain visits\nkith explain likes tea --with n2", 1, 2, kWithOption, run_explain},
      {"drain", kCluster, "[NODE]", "has a node leave the cluster for good: it takes no more writes, hands over what it has, and ends",
       "kith drain n5\nkith drain n5 --cancel", 0, 1, kCancelOption, run_drain},
      {"evict", kCluster, "NODE...", "goes on without members that are gone; more than half must agree. Says first what is given up",
       "kith evict n5\nkith evict n5 --yes", 1, 64, kYesOption, run_evict},
      {"recover", kCluster, "[NODE...]", "goes on with what is left, though less than half is: without those named, or all that nobody hears of",
       "kith recover\nkith recover n2 n3 --yes", 0, 64, kYesOption, run_recover},

      {"backup", kDisk, "DIR", "a copy of the asked node's data, into DIR on its machine, while it runs",
       "kith backup /srv/backup/monday\nkith -H 10.0.0.2 backup /srv/backup/n2 --json", 1, 1, 0, run_backup},
      {"verify", kDisk, "DIR", "whether a data directory of this machine, or a backup, is sound; no node may run on it",
       "kith verify /var/lib/kith/n1\nkith verify /srv/backup/monday --json", 1, 1, 0, run_verify},
      {"stat", kDisk, "DIR", "what a data directory of this machine, or a backup, holds; no node may run on it",
       "kith stat /var/lib/kith/n1\nkith stat /srv/backup/monday --json", 1, 1, 0, run_stat},

      {"shell", kMore, "", "the same commands, line by line; also when no command is given",
       "kith -H 10.0.0.1 shell\nkith shell -t artifacts --route leader\nkith shell < commands.txt", 0, 0, kRouteOption, run_shell, false},
      {"demo", kMore, "", "a real cluster on this machine, to partition, kill and heal",
       "kith demo\nkith demo --nodes 5 --dir /tmp/demo\nkith demo --script story", 0, 0, kDemoOptions, run_demo, false},
  };
  return kCommands;
}

}  // namespace kith::tools
