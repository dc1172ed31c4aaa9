#pragma once

#include "cli/context.hpp"

#include <cstdint>
#include <string>

/// One function a subcommand; each returns the program's exit code.
namespace dfs::cli {

struct put_arguments {
  std::string local; ///< `-`: standard input
  std::string remote;
  bool recursive = false;
  bool no_clobber = false;
  bool parents = false;
};
int put(context& with, const put_arguments& what);

struct get_arguments {
  std::string remote;
  std::string local; ///< `-`: standard output
  bool recursive = false;
};
int get(context& with, const get_arguments& what);
int cat(context& with, const std::string& remote);

int list(context& with, const std::string& path, bool with_details);
int stat(context& with, const std::string& path);
int mkdir(context& with, const std::string& path, bool parents);
int move(context& with, const std::string& from, const std::string& to, bool no_clobber);
int remove(context& with, const std::string& path, bool recursive);

int show_status(context& with);

int list_masters(context& with);
int add_master(context& with, const std::string& name, std::uint32_t timeout_s);
int remove_master(context& with, const std::string& name, bool lost);
int lead_master(context& with, const std::string& name);

struct init_arguments {
  std::string folder;
  std::string name; ///< empty: from that of the folder
  std::uint32_t masters = 1;
  std::uint32_t storages = 3;
  std::uint32_t copies = 0; ///< 0: three, or as many as there are storage nodes
  std::string consensus;    ///< empty: as the number of masters suggests
};
int init(context& with, init_arguments what);
int up(context& with, const std::string& folder, std::uint32_t timeout_s);
int down(context& with, const std::string& folder, std::uint32_t timeout_s);

} // namespace dfs::cli
