#include "cli/commands.hpp"
#include "cli/free_ports.hpp"
#include "cli/node_format.hpp"
#include "settings/plugins.hpp"

#include <atoll/core/shell_word.hpp>
#include <atoll/core/spelling_suggestion.hpp>
#include <atoll/node/folder_secret.hpp>
#include <atoll/node/node_process.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <utility>
#include <vector>

namespace dfs::cli {

namespace {

using atl::errc;
using atl::fail;
namespace fs = std::filesystem;

constexpr std::uint32_t masters_max = 9;
constexpr std::uint32_t storages_max = 100;
constexpr std::uint32_t default_copies = 3;
constexpr std::size_t name_bytes_max = 64;
constexpr std::string_view write_all_protocol = "two_phase_commit";

/// `3 masters`, `1 master`
std::string counted(std::uint32_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

// -- what is asked for ------------------------------------------------------------------------

/// A cluster's name derived from its folder's name, without invalid characters.
std::string name_from(const fs::path& folder) {
  std::string name;
  for (char character : folder.filename().string())
    if (std::isalnum(static_cast<unsigned char>(character)) ||
        std::string_view{"-_."}.find(character) != std::string_view::npos)
      name += character;
  name.resize(std::min(name.size(), name_bytes_max));
  return name.empty() ? "dfs" : name;
}

void fill_in_defaults(init_arguments& what) {
  if (what.name.empty())
    what.name = name_from(atl::node::absolute_path(what.folder));
  if (what.consensus.empty())
    what.consensus = what.masters == 1 ? write_all_protocol : "raft";
  if (what.copies == 0)
    what.copies = std::min(default_copies, what.storages);
}

atl::status check_consensus(const std::string& name) {
  std::vector<std::string> known;
  for (auto& file : atl::plugin_loader{}.list())
    if (file.refusal.empty() && file.identity->kind == atl::spi::plugin_kind::consensus)
      known.push_back(file.identity->name);
  if (std::find(known.begin(), known.end(), name) != known.end())
    return {};
  return fail(errc::invalid,
              fmt::format("--consensus: there is no consensus plugin '{}' in {}; there are: {}{}",
                          name, atl::installed_plugins().string(), fmt::join(known, ", "),
                          atl::did_you_mean(name, known)));
}

atl::status check_counts(const init_arguments& what) {
  auto check = [](std::string_view option, std::uint32_t value, std::uint32_t most) -> atl::status {
    if (value >= 1 && value <= most)
      return {};
    return fail(errc::invalid, fmt::format("{}: expected 1 to {}, found {}", option, most, value));
  };
  if (auto masters = check("--masters", what.masters, masters_max); !masters)
    return masters;
  if (auto storages = check("--storages", what.storages, storages_max); !storages)
    return storages;
  if (what.copies > what.storages)
    return fail(errc::invalid, fmt::format("--copies: each copy of a chunk needs a storage node of "
                                           "its own, and there are {}: expected 1 to {}, found {}",
                                           what.storages, what.storages, what.copies));
  return {};
}

/// @returns whether the folder was created
atl::result<bool> make_empty_folder(const fs::path& folder) {
  std::error_code problem;
  auto made = fs::create_directories(folder, problem);
  if (problem)
    return fail(errc::io, fmt::format("{}: {}", folder.string(), problem.message()));
  auto is_empty = fs::is_empty(folder, problem);
  if (problem)
    return fail(errc::io, fmt::format("{}: {}", folder.string(), problem.message()));
  if (!is_empty)
    return fail(errc::exists, fmt::format("{} isn't empty: name a folder that is, or one that "
                                          "doesn't exist yet",
                                          folder.string()));
  return made;
}

// -- the files --------------------------------------------------------------------------------

std::string describe_consensus(const init_arguments& what) {
  if (what.consensus == write_all_protocol)
    return "# How the masters agree: writes need every master, reads any one. 'raft' and 'paxos' "
           "go on\n"
           "# with a minority of the masters down. A log stays with the protocol that wrote it.\n";
  return "# How the masters agree: it goes on while a majority of the masters is up. A log stays "
         "with the\n"
         "# protocol that wrote it.\n";
}

std::string cluster_text(const init_arguments& what, std::uint16_t first_port) {
  auto text = fmt::format(
      "# What all nodes and clients of this cluster share; each node's file includes it.\n"
      "# 'dfsd --config NODE.toml --check' says what is wrong with a file, or what it comes to;\n"
      "# configs/reference.toml, beside the documentation, shows every key.\n"
      "# {}, beside this file, lets nodes and clients in: copy it along, and keep it "
      "secret.\n\n"
      "[cluster]\nname = \"{}\"\n\n"
      "# Where everyone finds the masters, which agree on the names of all files. On machines of\n"
      "# their own, name these instead of 127.0.0.1.\n",
      atl::node::secret_file_name, what.name);
  for (std::uint32_t i = 1; i <= what.masters; ++i)
    text +=
        fmt::format("[[masters]]\nid = {0}\nname = \"master-{0}\"\naddress = \"127.0.0.1:{1}\"\n\n",
                    i, first_port + i - 1);
  text += describe_consensus(what);
  text +=
      fmt::format("[consensus]\nplugin = \"{}\"\n\n"
                  "# Which storage nodes a new chunk goes to, and which copy a client reads from.\n"
                  "[placement]\nbalancer = \"round_robin\"\n\n[reads]\nbalancer = \"random\"\n\n"
                  "# How many storage nodes have each chunk: all but one of them may be lost.\n"
                  "[recovery]\nplugin = \"replicate\"\noptions = {{ copies = {} }}\n",
                  what.consensus, what.copies);
  return text;
}

/// A line of a file with its meaning as a comment.
std::string explained(const std::string& line, std::string_view meaning) {
  return fmt::format("{:<32} # {}\n", line, meaning);
}

std::string node_text(std::string_view role, std::uint32_t number) {
  return fmt::format(
             "include = \"cluster.toml\"\n\n[node]\nname = \"{0}-{1}\"\nroles = [\"{0}\"]\n", role,
             number) +
         explained(fmt::format("data = \"data/{}-{}\"", role, number),
                   "this node's alone; relative to this file, or absolute");
}

std::string storage_text(std::uint32_t number, std::uint32_t port) {
  return node_text("storage", number) +
         explained(fmt::format("bulk = \"127.0.0.1:{}\"", port),
                   "where it serves chunks; all others must reach it there") +
         explained(fmt::format("# zone = \"rack-{}\"", number),
                   "copies go to different zones; without one, the node is its own");
}

using named_texts = std::vector<std::pair<std::string, std::string>>;

named_texts compose(const init_arguments& what, std::uint16_t first_port) {
  named_texts files;
  for (std::uint32_t i = 1; i <= what.masters; ++i)
    files.emplace_back(fmt::format("master-{}.toml", i), node_text("master", i));
  for (std::uint32_t i = 1; i <= what.storages; ++i)
    files.emplace_back(fmt::format("storage-{}.toml", i),
                       storage_text(i, first_port + what.masters + i - 1));
  files.emplace_back("cluster.toml",
                     cluster_text(what, first_port)); // last, because it makes the folder complete
  return files;
}

atl::status write_files(const fs::path& folder, const named_texts& files) {
  for (auto& [name, text] : files) {
    std::ofstream out{folder / name};
    out << text;
    out.close();
    if (!out)
      return fail(errc::io, fmt::format("can't write {}", (folder / name).string()));
  }
  return {};
}

void remove_files(const fs::path& folder, const named_texts& files, bool folder_too) {
  std::error_code ignored;
  for (auto& [name, text] : files)
    fs::remove(folder / name, ignored);
  fs::remove(folder / atl::node::secret_file_name, ignored);
  if (folder_too)
    fs::remove(folder, ignored);
}

/// Checks the files as `dfs up` and each node will.
atl::status check_files(const fs::path& folder) {
  auto nodes = atl::node::nodes_in(folder, node_format());
  if (!nodes)
    return tl::unexpected{nodes.error()};
  return atl::node::check_configuration(nodes->front().config, atl::node::sibling_program("dfsd"));
}

// -- for people -------------------------------------------------------------------------------

void print_advice(const init_arguments& what) {
  if (what.consensus == write_all_protocol && what.masters > 1)
    fmt::print("note: with {} writes need all {} masters; 'raft' and 'paxos' go on with a minority "
               "down\n",
               what.consensus, what.masters);
  else if (what.masters % 2 == 0)
    fmt::print("note: {} go on with {} of them down, as {} would: an odd number is better\n",
               counted(what.masters, "master"), (what.masters - 1) / 2, what.masters - 1);
  if (what.copies == 1)
    fmt::print("note: with one copy of each chunk, what a storage node loses is lost\n");
}

atl::status create(const init_arguments& what) {
  if (auto counts = check_counts(what); !counts)
    return counts;
  if (auto consensus = check_consensus(what.consensus); !consensus)
    return consensus;
  auto first_port = free_ports(what.masters + what.storages);
  if (!first_port)
    return tl::unexpected{first_port.error()};
  auto made = make_empty_folder(what.folder);
  if (!made)
    return tl::unexpected{made.error()};
  auto files = compose(what, *first_port);
  auto written = atl::node::make_secret(what.folder);
  if (written)
    written = write_files(what.folder, files);
  if (written)
    written = check_files(what.folder);
  if (!written)
    remove_files(what.folder, files, *made);
  return written;
}

} // namespace

int init(context&, init_arguments what) {
  fill_in_defaults(what);
  if (auto created = create(what); !created)
    return report_error(created.error());
  fmt::print("{}: {}, {}, {}, {} of each chunk\n", what.folder, counted(what.masters, "master"),
             what.consensus, counted(what.storages, "storage node"),
             what.copies == 1 ? "1 copy" : fmt::format("{} copies", what.copies));
  print_advice(what);
  fmt::print("start it with: dfs up {}\n", atl::shell_word(what.folder));
  return done;
}

} // namespace dfs::cli
