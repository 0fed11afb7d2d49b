#include <algorithm>
#include <string>

#include "tools/kith/options.h"

namespace kith::tools {
namespace {

constexpr std::string_view kGlobalOptions =
    "  -H, --host HOST[:PORT]  the node to ask (default 127.0.0.1; KITH_HOST)\n"
    "  -P, --port PORT         its client port (default 8765; KITH_PORT)\n"
    "  -t, --table TABLE       the table (default \"default\"; KITH_TABLE)\n"
    "      --json              answers as JSON\n"
    "      --timeout TIME      how long to wait, as 200ms, 5s, 2m (default 5s)\n"
    "  -h, --help              this, or the help of a command\n";

constexpr std::string_view kExitCodes =
    "Exit codes:\n"
    "  0  ok\n"
    "  1  refused by the node, or failed; of diff: the two differ; of verify: damaged\n"
    "  2  the command line makes no sense; of verify and stat: the directory could not be read\n"
    "  3  not found: no such key, field or element\n"
    "  4  cannot connect\n"
    "  5  timeout: no answer in time, or not yet at the level asked for; a write may have happened\n"
    "  6  not allowed by the node\n";

std::string options_of(const Command& command) {
  std::string out;
  if (command.options & kWriteOptions) {
    out += "      --tag TAG           the tag of the first attempt: makes this a retry, harmless at any node\n";
  }
  if (command.options & (kWriteOptions | kImportOptions)) {
    out += "      --replicas N|all    how many nodes must hold it durably before the answer (default: as the table says, else 1)\n";
  }
  if (command.options & kWriteOptions) out += "      --write LEVEL       the same: one, quorum (most of the replication factor), all, or a number\n";
  if (command.options & kTableOptions) {
    out += "      --keys any|uuid4    what keys it takes (default any)\n"
           "      --kinds KIND,..     which kinds: register, set, hash, counter (default all)\n"
           "      --write LEVEL       when a write is answered that says nothing else: one (default), quorum, all, or a number\n"
           "      --quorum RULE       what a quorum is: majority (default) or 2/3 of the replication factor\n"
           "      --read LEVEL        how many members tell what they have before a read is answered that says nothing else: as --write\n";
  }
  if (command.options & kReadOption) {
    out += "      --read LEVEL        how many members tell what they have before the answer: one (the node that is asked), quorum (so many that one\n"
           "                          of them has what a quorum of writes was said to have), all, or a number (default: as the table says, else one)\n";
  }
  if (command.options & kFileOption) out += "      --file FILE         the value is what this file holds\n";
  if (command.options & kTtlOption) out += "      --ttl TIME          it expires after that time: 500ms, 30s, 15m, 12h, 7d (default: never)\n";
  if (command.options & kRouteOption) out += "      --route any|leader  whichever node answers (default), or only the leader: the one with the least id of those living\n";
  if (command.options & kWithOption) out += "      --with NODE         what would come of it if that node's copy were merged, by name or HOST:PORT\n";
  if (command.options & kLongOption) out += "  -l, --long              also each key's kinds and sizes, of a counter its value\n";
  if (command.options & kImportOptions) out += "      --keep-going        go on after a bad line\n";
  if (command.options & kCancelOption) out += "      --cancel            it stays after all, and takes writes again\n";
  if (command.options & kYesOption) out += "      --yes               do it; without, it is only said what would be given up\n";
  if (command.options & kWaitOptions) out += "      --converged         wait until all nodes hold the same\n";
  if (command.options & kDemoOptions) {
    out += "      --nodes N           how many nodes (default 3)\n"
           "      --dir DIR           keep data and logs there (default: a temporary one, removed at the end)\n"
           "      --script FILE       run this script instead of a shell; \"story\" is built in\n";
  }
  return out;
}

}  // namespace

std::string help_of_all() {
  std::string out =
      "kith -- asks and changes a Kith cluster\n\n"
      "Usage: kith [OPTION..] COMMAND [ARGUMENT..]      without a command: a shell\n";
  std::string_view family;
  for (const Command& command : all_commands()) {
    if (command.family != family) {
      family = command.family;
      out += "\n" + std::string(family) + ":\n";
    }
    std::string usage = "  " + std::string(command.name) + " " + std::string(command.arguments);
    usage.resize(std::max<std::size_t>(usage.size() + 1, 36), ' ');
    out += usage + std::string(command.summary) + "\n";
  }
  out += "\nOptions, before or behind the command:\n" + std::string(kGlobalOptions);
  out += "\nA value that begins with '-' goes behind \"--\".  `kith COMMAND --help` shows examples.\n\n";
  return out + std::string(kExitCodes);
}

std::string help_of(const Command& command) {
  std::string out = "kith " + std::string(command.name) + " " + std::string(command.arguments) + "\n\n" +
                    std::string(command.summary) + "\n\nExample:\n";
  for (std::string_view rest = command.example; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    out += "  " + std::string(rest.substr(0, end)) + "\n";
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  out += "\nOptions:\n" + options_of(command) + std::string(kGlobalOptions);
  return out + "\n" + std::string(kExitCodes);
}

}  // namespace kith::tools
