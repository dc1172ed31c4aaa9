#pragma once

#include <filesystem>
#include <string>
#include <vector>

/// The rules of a tree of sources besides its layers. Each function reads `framework/`,
/// `plugins/`, `apps/` and `tests/` below `root`, and returns a sorted line for each violation:
/// `file: what`, with a line number where there is one.

/// Headers that no file includes.
std::vector<std::string> unused_headers(const std::filesystem::path& root);
/// Sources that no CMakeLists.txt names.
std::vector<std::string> unbuilt_sources(const std::filesystem::path& root);
/// File names that occur more than once and so are ambiguous. The subfolders
/// of one kind of plugin have the same structure, so a name may occur once in each subfolder.
std::vector<std::string> repeated_names(const std::filesystem::path& root);
/// Lines of C++ above 100 columns that could be broken: a long string or address can't.
std::vector<std::string> long_lines(const std::filesystem::path& root);
/// Words that standard terms have replaced (`words.cpp`), in code and in comments.
std::vector<std::string> household_words(const std::filesystem::path& root);
/// Member functions that are declared more often than they are defined. Functions of classes with
/// one name, and overloads of one name, are counted together, for only a compiler could tell them
/// apart.
std::vector<std::string> undefined_functions(const std::filesystem::path& root);
