#include "cli/file_commands.hpp"

#include "cli/commands.hpp"
#include "cli/convert.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dfs::cli {

CLI::Option* add_words(CLI::App& command, const std::string& name, std::vector<std::string>& words,
                       const std::string& description) {
  auto take = [&words](const CLI::results_t& typed) {
    words = typed;
    return true;
  };
  return command.add_option(name, CLI::callback_t{take}, description)
      ->expected(-1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

namespace {

/// The last word is the target.
std::string take_last(std::vector<std::string>& words) {
  auto last = std::move(words.back());
  words.pop_back();
  return last;
}

int report_usage_error(const std::string& message) {
  return report_error({atl::errc::invalid, message});
}

void add_preserve(CLI::App& command, bool& preserve, bool& archive, bool& recursive) {
  command.add_flag("-p,--preserve", preserve,
                   "Keep mode, owner, group and times; the owner only where that is permitted");
  command.add_flag_callback(
      "-a,--archive", [&] { preserve = archive = recursive = true; },
      "As -r and -p, and symbolic links, pipes, sockets and devices as such");
}

void add_transfers(CLI::App& command, std::size_t& transfers) {
  command.add_option("-j,--jobs", transfers, "Files at once")
      ->check(CLI::Range(std::size_t{1}, std::size_t{64}))
      ->capture_default_str();
}

void add_put(CLI::App& app, context& with, chosen_command& call) {
  static put_arguments puts;
  auto* put = app.add_subcommand("put", "Store local files, folders (-r) or standard input (-)");
  add_words(*put, "LOCAL… REMOTE", puts.local,
            "Local files or folders, - is standard input; and where to, such as /docs/a.txt. "
            "A directory takes the names of what is stored; more than one LOCAL needs one")
      ->required();
  put->add_flag("-r,--recursive", puts.recursive,
                "Folders, with all that is in them; symbolic links are followed, unless -a");
  put->add_flag("-n,--no-clobber,--if-absent", puts.no_clobber, "Don't replace a file that exists");
  put->add_flag("--parents", puts.parents, "Make missing directories");
  add_preserve(*put, puts.preserve, puts.archive, puts.recursive);
  add_transfers(*put, puts.transfers);
  put->callback([&] {
    call = [&] {
      if (puts.local.size() < 2)
        return report_usage_error("where to? put takes what to store, and its place in the "
                                  "cluster: dfs put LOCAL… REMOTE");
      puts.remote = take_last(puts.local);
      return cli::put(with, puts);
    };
  });
}

void add_stale_ok(CLI::App& command, context& with) {
  command.add_flag("--stale-ok", with.stale_ok,
                   "Let any master answer from what it has applied, also while no majority of them "
                   "is up. Names, sizes and contents may be old, and of a file that was replaced "
                   "or removed since, the content may be gone. How old is noted on standard error, "
                   "unless -q");
}

void add_get(CLI::App& app, context& with, chosen_command& call) {
  static get_arguments gets;
  auto* get = app.add_subcommand("get", "Read files, or directories (-r), into local ones");
  add_words(*get, "REMOTE… [LOCAL]", gets.remote,
            "What to read, and where to: by default the folder that this one is called in. A "
            "folder takes the names of what is read; more than one REMOTE needs one. - is standard "
            "output")
      ->required();
  get->add_flag("-r,--recursive", gets.recursive, "Directories, with all that is in them");
  add_preserve(*get, gets.preserve, gets.archive, gets.recursive);
  add_transfers(*get, gets.transfers);
  get->add_option("--range", gets.range,
                  "Only the bytes from A to B, both counted from 0 and included, or from A on: A-B "
                  "or A-; of one file");
  get->add_flag("--resume", gets.resume,
                "Keep what was read of a file when the command is interrupted or fails, and go on "
                "there when it is given again, unless the file has changed meanwhile. With -p, "
                "files that are there with the same size and time aren't read again");
  add_stale_ok(*get, with);
  get->callback([&] {
    call = [&] {
      gets.local = gets.remote.size() > 1 ? take_last(gets.remote) : ".";
      if (gets.local.empty())
        gets.local = ".";
      return cli::get(with, gets);
    };
  });
}

/// Adds the paths of a subcommand.
void add_paths(CLI::App& command, std::vector<std::string>& paths, const std::string& description) {
  add_words(command, "PATH…", paths, description)->required();
}

void add_readers(CLI::App& app, context& with, chosen_command& call) {
  static std::vector<std::string> paths;
  static byte_range part;
  auto* cat = app.add_subcommand("cat", "Write files to standard output, one after the other");
  add_paths(*cat, paths, "What to read");
  cat->add_option("--offset", part.offset, "Leave out so many bytes at the beginning of each file");
  cat->add_option("--length", part.length, "Write so many bytes of each file at most");
  add_stale_ok(*cat, with);
  cat->callback([&] { call = [&] { return cli::cat(with, paths, part); }; });

  static list_arguments lists;
  auto* ls = app.add_subcommand("ls", "List directories");
  ls->set_help_flag("--help", "Print this help message and exit"); // -h is for sizes, as with ls
  add_words(*ls, "PATH…", lists.paths, "Directories, or files; default /");
  ls->add_flag("-l,--long", lists.details, "With mode, links, owner, group, size and time");
  ls->add_flag("-n,--numeric", lists.numeric_ids, "With -l: owner and group as numbers");
  ls->add_flag("-h,--human", lists.human_sizes, "With -l: sizes such as 1.5 MiB");
  add_stale_ok(*ls, with);
  ls->callback([&] {
    call = [&] {
      if (lists.paths.empty())
        lists.paths = {"/"};
      return cli::list(with, lists);
    };
  });

  auto* stat =
      app.add_subcommand("stat", "Show what is known of files, and where their chunks are");
  add_paths(*stat, paths, "Files or directories");
  add_stale_ok(*stat, with);
  stat->callback([&] { call = [&] { return cli::stat(with, paths); }; });
}

void add_changers(CLI::App& app, context& with, chosen_command& call) {
  static std::vector<std::string> paths;
  static bool flag = false;
  auto* mkdir = app.add_subcommand("mkdir", "Make directories");
  add_paths(*mkdir, paths, "The new directories");
  mkdir->add_flag("-p,--parents", flag, "Make missing parents too; it may exist already");
  mkdir->callback([&] { call = [&] { return cli::mkdir(with, paths, flag); }; });

  static move_arguments moves;
  auto* mv = app.add_subcommand("mv", "Rename; replaces a file, or an empty directory");
  add_words(*mv, "FROM… TO", moves.from,
            "What to rename, and the new name, or a directory to move it into; more than one FROM "
            "needs one")
      ->required();
  mv->add_flag("-n,--no-clobber", moves.no_clobber, "Don't replace what exists");
  mv->callback([&] {
    call = [&] {
      if (moves.from.size() < 2)
        return report_usage_error("where to? mv takes what to rename, and the new name: dfs mv "
                                  "FROM… TO");
      moves.to = take_last(moves.from);
      return cli::move(with, moves);
    };
  });

  static copy_arguments copies;
  auto* cp = app.add_subcommand(
      "cp", "Copy within the cluster: no data is moved, the copies share it until one is changed");
  add_words(*cp, "FROM… TO", copies.from,
            "What to copy, and the new name, or a directory to copy it into; more than one FROM "
            "needs one")
      ->required();
  cp->add_flag("-r,--recursive", copies.recursive, "Directories, with all that is in them");
  cp->add_flag("-n,--no-clobber", copies.no_clobber, "Don't replace what exists");
  cp->callback([&] {
    call = [&] {
      if (copies.from.size() < 2)
        return report_usage_error("where to? cp takes what to copy, and the new name: dfs cp "
                                  "FROM… TO");
      copies.to = take_last(copies.from);
      return cli::copy(with, copies);
    };
  });

  auto* rm = app.add_subcommand(
      "rm", "Remove files or directories; where the policy has a trash, 'dfs trash' restores them");
  add_paths(*rm, paths, "What to remove");
  rm->add_flag("-r,--recursive", flag, "Also directories that aren't empty");
  rm->callback([&] { call = [&] { return cli::remove(with, paths, flag); }; });
}

void add_space(CLI::App& app, context& with, chosen_command& call) {
  static usage_arguments usage;
  auto* du = app.add_subcommand("du", "The sizes of the files in directories");
  du->set_help_flag("--help", "Print this help message and exit"); // -h is for sizes, as with du
  add_words(*du, "PATH…", usage.paths, "Directories, or files; default /");
  du->add_flag("-h,--human", usage.human_sizes, "Sizes such as 1.5 MiB");
  du->add_flag("-s,--summarize", usage.only_totals, "Not also each directory below");
  du->callback([&] {
    call = [&] {
      if (usage.paths.empty())
        usage.paths = {"/"};
      return cli::show_usage(with, usage);
    };
  });

  static bool human = false;
  auto* df = app.add_subcommand("df", "The space of the storage nodes, and how much is left");
  df->set_help_flag("--help", "Print this help message and exit");
  df->add_flag("-h,--human", human, "Sizes such as 1.5 MiB");
  df->callback([&] { call = [&] { return cli::show_space(with, human); }; });
}

void add_convert(CLI::App& app, context& with, chosen_command& call) {
  static convert_arguments what;
  auto* convert = app.add_subcommand(
      "convert", "Store files again where they are stored otherwise than the policies of their "
                 "directories say: in the background, while they can be read and written. "
                 "convert.rate bounds it ('dfs admin set'). Without a path, shows what is under "
                 "way");
  add_words(*convert, "PATH…", what.paths, "Files, and directories with all files below");
  auto* wait = convert->add_flag("--wait", what.wait, "Wait until all is converted");
  convert->add_flag("--stop", what.stop, "Call it off; what is converted stays so")->excludes(wait);
  convert->callback([&] { call = [&] { return cli::convert(with, what); }; });
}

void add_policy(CLI::App& app, context& with, chosen_command& call) {
  static std::vector<std::string> words;
  static std::string path;
  auto* policy = app.add_subcommand(
      "policy", "How what is stored in a directory from now on is stored. Directories below have "
                "the policy of the one above, unless they have their own; what stands there is "
                "left as it is, until it is converted");
  policy->require_subcommand(1);
  auto* set = policy->add_subcommand("set", "Change the policy of a directory");
  add_words(*set, "PATH KEY=VALUE…", words,
            "The directory, and what is to be different: recovery=PLUGIN, OPTION=VALUE of that "
            "plugin (such as copies=2), durability=fsync|replicated, placement=BALANCER, "
            "placement.OPTION=VALUE, chunk_size=SIZE, inline_limit=SIZE, trash=DURATION (how long "
            "what is removed can be "
            "restored, 0 for not at all); or 'inherit'")
      ->required();
  static bool converts = false;
  set->add_flag(
      "--convert", converts,
      "Store in this way also what stands there, in the background, as 'dfs convert' does");
  set->callback([&] {
    call = [&] {
      if (words.size() < 2)
        return report_usage_error("what is to be different? policy set takes a directory and "
                                  "KEY=VALUE…, or 'inherit'");
      auto code = cli::set_policy(with, words.front(), {words.begin() + 1, words.end()});
      if (code != done || !converts)
        return code;
      // The policy is the one JSON document that is written.
      return with.json ? cli::begin_conversion(with, words.front())
                       : cli::convert(with, {{words.front()}, false, false});
    };
  });
  auto* show = policy->add_subcommand("show", "The policy that holds at a path");
  show->add_option("PATH", path, "A directory, or a file")->required();
  show->callback([&] { call = [&] { return cli::show_policy(with, path); }; });
  auto* list = policy->add_subcommand("list", "All policies that were ever defined");
  list->callback([&] { call = [&] { return cli::list_policies(with); }; });
}

/// Tells the pattern of `job grep` among the words of a command line: the first one after these.
class pattern_finder {
 public:
  bool is_next(const std::string& word, bool only_names) {
    auto is_option = !only_names && word.starts_with('-');
    auto is_value = std::exchange(value_follows_, word == "-c" || word == "--cluster");
    if (is_option || is_value)
      return false;
    if (found_ == words_.size())
      return std::exchange(is_wanted_, false);
    is_wanted_ = is_wanted_ && word == words_[found_++];
    return false;
  }

 private:
  static constexpr std::array<std::string_view, 2> words_{"job", "grep"};
  std::size_t found_ = 0;
  bool is_wanted_ = true;
  bool value_follows_ = false;
};

} // namespace

std::vector<std::string> words_for_parser(int argc, char** argv) {
  std::vector<std::string> words;
  auto only_names = false; // after a `--`
  pattern_finder pattern;
  for (int i = 1; i < argc; ++i) {
    std::string word{argv[i]};
    if (word == "--" && !std::exchange(only_names, true))
      continue;
    auto looks_like_list = word.starts_with('[') && word.ends_with(']');
    auto looks_like_option = only_names && word.size() > 1 && word.starts_with('-');
    auto is_pattern = pattern.is_next(word, only_names);
    if (looks_like_list || looks_like_option)
      word = is_pattern ? "(" + word + ")" : "./" + word;
    words.push_back(std::move(word));
  }
  std::reverse(words.begin(), words.end());
  return words;
}

void add_file_commands(CLI::App& app, context& with, chosen_command& call) {
  add_put(app, with, call);
  add_get(app, with, call);
  add_readers(app, with, call);
  add_changers(app, with, call);
  add_space(app, with, call);
  add_policy(app, with, call);
  add_convert(app, with, call);
}

} // namespace dfs::cli
