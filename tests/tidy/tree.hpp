#pragma once

#include <filesystem>
#include <string>
#include <vector>

/// What a tree of sources must hold to beside its layers. Each function looks at `framework/`,
/// `plugins/`, `apps/` and `tests/` below `root`, and returns a sorted line for each offence:
/// `file: what`, with a line number where there is one.

/// Headers that no file includes.
std::vector<std::string> unused_headers(const std::filesystem::path& root);
/// Sources that no CMakeLists.txt names.
std::vector<std::string> unbuilt_sources(const std::filesystem::path& root);
/// File names that stand more than once and so tell a reader less than they could. The subfolders
/// of one kind of plugin have one shape, so a name may stand once in each of them.
std::vector<std::string> repeated_names(const std::filesystem::path& root);
/// Lines of C++ above 100 columns that could be broken: a long string or address can't.
std::vector<std::string> long_lines(const std::filesystem::path& root);
/// Words of the household where the field has its own (`words.cpp`), in code and in comments.
std::vector<std::string> household_words(const std::filesystem::path& root);
/// Member functions that are declared more often than they are defined. Functions of classes with
/// one name, and overloads of one name, are counted together, for only a compiler could tell them
/// apart.
std::vector<std::string> undefined_functions(const std::filesystem::path& root);
