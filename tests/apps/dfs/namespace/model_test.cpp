#include "model.hpp"

#include <algorithm>
#include <rapidcheck.h>

/// Random commands, compared with a model in memory.
using namespace names;

namespace {

const std::vector<std::string> paths = {"/",       "/a",
                                        "/b",      "/a/a",
                                        "/a/b",    "/b/a",
                                        "/a/a/a",  "/a/b/c",
                                        "/c/d/e",  "/a/",
                                        "/b/a/",   "a",
                                        "",        "/a//b",
                                        "/a/.",    "/../a",
                                        "/a/../b", "/ä ö",
                                        "/b/a/b",  "/c/d/",
                                        "/c",      "/c/d",
                                        "/a/a/b",  "/b/b",
                                        "/b/b/b",  "/a/name with spaces"};

struct step {
  action what;
  bool again = false; ///< the same entry once more, as after a lost response
  bool restart = false;
  bool flush = false;
  std::uint32_t batch = 1; ///< how many entries are applied together, in the second name space
};

rc::Gen<action> gen_action() {
  auto path = rc::gen::elementOf(paths);
  auto flag = rc::gen::arbitrary<bool>();
  auto chunks = rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 6));
  return rc::gen::oneOf(
      rc::gen::map(rc::gen::tuple(path, flag),
                   [](auto it) {
                     return action{commands::mkdir{std::get<0>(it), std::get<1>(it)}};
                   }),
      rc::gen::map(rc::gen::tuple(path, flag, flag, chunks),
                   [](auto it) {
                     commands::put_file put{std::get<0>(it), birth_us, "some text", std::get<1>(it),
                                            std::get<2>(it)};
                     commands::put_file::extent_list extents;
                     for (auto number : std::get<3>(it))
                       extents.push_back(
                           {{{birth_us, static_cast<std::uint64_t>(number)}, 100, {1, 2}}, 100});
                     if (!extents.empty())
                       put.content = std::move(extents);
                     return action{std::move(put)};
                   }),
      rc::gen::map(
          rc::gen::tuple(path, path, flag),
          [](auto it) {
            return action{commands::rename{std::get<0>(it), std::get<1>(it), std::get<2>(it)}};
          }),
      rc::gen::map(rc::gen::tuple(path, flag), [](auto it) {
        return action{commands::remove{std::get<0>(it), std::get<1>(it)}};
      }));
}

rc::Gen<step> gen_step() {
  return rc::gen::build<step>(
      rc::gen::set(&step::what, gen_action()),
      rc::gen::set(&step::again, rc::gen::map(rc::gen::inRange(0, 5), [](int n) { return !n; })),
      rc::gen::set(&step::restart, rc::gen::map(rc::gen::inRange(0, 25), [](int n) { return !n; })),
      rc::gen::set(&step::flush, rc::gen::map(rc::gen::inRange(0, 6), [](int n) { return !n; })),
      rc::gen::set(&step::batch, rc::gen::inRange<std::uint32_t>(1, 6)));
}

std::vector<responses::entry> list(const name_space& names, const std::string& path) {
  std::vector<responses::entry> all;
  for (std::string after;;) {
    auto page = query(names, queries::list{path, after, 2});
    RC_ASSERT(page.has_value());
    all.insert(all.end(), page->entries.begin(), page->entries.end());
    if (!page->more)
      return all;
    after = all.back().name;
  }
}

void compare_tree(const name_space& names, const model::node& expected, const std::string& path) {
  auto entries = list(names, path.empty() ? "/" : path);
  RC_ASSERT(entries.size() == expected.entries.size());
  auto at = entries.begin();
  for (auto& [name, child] : expected.entries) {
    RC_ASSERT(at->name == name);
    RC_ASSERT((at->type == inode_type::directory) == child->directory);
    auto full = path + "/" + name;
    if (child->directory) {
      RC_ASSERT(at->entries == child->entries.size());
      compare_tree(names, *child, full);
    } else {
      auto opened = query(names, queries::open{full});
      RC_ASSERT(opened.has_value());
      RC_ASSERT(opened->inline_bytes == child->text);
      RC_ASSERT(opened->extents.size() == child->chunks.size());
      for (std::size_t i = 0; i < child->chunks.size(); ++i)
        RC_ASSERT(opened->extents[i].chunk.id == child->chunks[i]);
    }
    ++at;
  }
}

void compare_counts(const name_space& names, const model& expected) {
  std::size_t files = 0;
  std::size_t directories = 0;
  std::function<void(const model::node&)> count = [&](const model::node& node) {
    ++(node.directory ? directories : files);
    for (auto& [name, child] : node.entries)
      count(*child);
  };
  count(expected.root());
  auto summary = query(names, queries::summary{});
  RC_ASSERT(summary.has_value());
  RC_ASSERT(summary->files == files);
  RC_ASSERT(summary->directories == directories);
  RC_ASSERT(summary->chunks == expected.chunks().size());
  std::set<chunk_id> known;
  auto page = query(names, queries::all_chunks{});
  RC_ASSERT(page.has_value());
  for (auto& chunk : page->chunks)
    known.insert(chunk.id);
  RC_ASSERT(known == expected.chunks());
}

/// All entries that a run applies, in order.
struct script {
  std::vector<std::string> entries;
  std::uint64_t sequence = 0;

  std::string add(action what) {
    entries.push_back(encode(command{{7, 7}, ++sequence, birth_us + sequence, std::move(what)}));
    return entries.back();
  }
};

model::verdict verdict_of(model& expected, const action& what) {
  return std::visit(
      [&](const auto& it) -> model::verdict {
        if constexpr (requires { expected.run(it); })
          return expected.run(it);
        else
          return {};
      },
      what);
}

void check_response(const std::string& bytes, const model::verdict& wanted) {
  auto answer = decode_response<responses::changed>(bytes);
  RC_ASSERT(answer.has_value() == !wanted.has_value());
  if (wanted)
    RC_ASSERT(answer.error().code == *wanted);
}

} // namespace

TEST_CASE("any commands leave the same tree as a model in memory, also across restarts, in any "
          "batches, and with rows that are read ahead") {
  CHECK(rc::check([] {
    auto steps = *rc::gen::container<std::vector<step>>(gen_step());
    temporary_folder folder;
    auto names = open(folder / "one by one");
    model expected;
    script all;
    std::vector<std::string> answers;
    for (auto* node : {"one", "two"})
      answers.push_back(
          apply_entry(*names, all.add(commands::register_storage{node, std::string{node} + "'s"})));
    for (auto& it : steps) {
      if (it.restart) {
        names.reset();
        names = open(folder / "one by one");
        RC_ASSERT(names->applied() == all.entries.size());
      }
      if (it.flush)
        RC_ASSERT(names->flush().has_value());
      auto bytes = all.add(it.what);
      answers.push_back(apply_entry(*names, bytes));
      check_response(answers.back(), verdict_of(expected, it.what));
      if (it.again) {
        all.entries.push_back(bytes);
        answers.push_back(apply_entry(*names, bytes));
        RC_ASSERT(answers.back() == answers[answers.size() - 2]);
      }
    }
    compare_tree(*names, expected.root(), "");
    // Removed entries are reclaimed in small steps until none is left.
    for (bool pending = true; pending;) {
      answers.push_back(apply_entry(*names, all.add(commands::collect_garbage{0, 3, 0})));
      auto kept = decode_response<responses::garbage_collected>(answers.back());
      RC_ASSERT(kept.has_value());
      pending = kept->pending_removals > 0;
    }
    compare_counts(*names, expected);

    auto again = open(folder / "in batches");
    std::size_t next = 0;
    for (std::size_t turn = 0; next < all.entries.size(); ++turn) {
      auto size = steps.empty() ? 3 : steps[turn % steps.size()].batch;
      std::vector<committed_entry> batch;
      for (; batch.size() < size && next < all.entries.size(); ++next) {
        again->prepare(all.entries[next]);
        batch.push_back({next + 1, 0, false, all.entries[next]});
      }
      if (turn % 2 == 0)
        RC_ASSERT(again->flush().has_value());
      auto got = again->apply(batch);
      RC_ASSERT(got.has_value());
      for (std::size_t i = 0; i < got->size(); ++i)
        RC_ASSERT((*got)[i] == answers[batch[i].index - 1]);
    }
    RC_ASSERT(digest(*again) == digest(*names));
    again.reset();
    RC_ASSERT(digest(*open(folder / "in batches")) == digest(*names));
  }));
}
