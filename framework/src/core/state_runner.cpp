#include "command_preparer.hpp"
#include "thread_name.hpp"

#include <atoll/core/state_runner.hpp>

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <future>
#include <memory>
#include <mutex>
#include <thread>

namespace atl {

namespace {

/// Upper bound of entries per apply batch; each batch costs one write regardless of size.
constexpr std::size_t entries_at_once_max = 2048;
/// Up to so many entries are applied inline by the caller, if nothing else is under way.
constexpr std::size_t entries_in_place_max = 8;
/// Up to so many queries are tried inline by the caller.
constexpr std::size_t queries_in_place_max = 2;
/// The number of queries above which another reader is used.
constexpr std::size_t queries_per_part = 16;

} // namespace

struct state_runner::implementation {
  implementation(state_machine& state, std::size_t reader_count, callbacks the_calls)
      : machine{state}, calls{std::move(the_calls)}, preparer{state},
        reader_threads{reader_count}, readers{reader_count}, writer{[this] { run(); }} {}

  ~implementation() {
    {
      std::lock_guard lock{mutex};
      stopping = true;
    }
    wake.notify_all();
    writer.join();
    flusher.join();
    preparer.stop();
    checker.stop();
    checker.join();
    readers.stop();
    readers.join();
  }

  /// A batch of entries, or another action that is carried out in the same order.
  struct task {
    std::vector<spi::committed_entry> entries;
    std::function<void()> other;
  };

  state_machine& machine;
  callbacks calls;
  bool broken = false; ///< used by the thread that holds `at_work`
  std::mutex mutex;
  std::condition_variable wake;
  std::deque<task> waiting;
  bool at_work = false; ///< does a thread use the state machine to apply?
  bool stopping = false;
  command_preparer preparer;
  std::size_t reader_threads;
  boost::asio::thread_pool readers;
  boost::asio::thread_pool checker{1}; ///< checks saved states; the readers are for queries
  boost::asio::thread_pool flusher{1}; ///< writes what was applied while more is applied
  std::future<status> writing;         ///< of a flush; used by the thread that holds `at_work`
  std::thread writer;                  ///< the last member, because the thread uses all others

  void add(task it) {
    {
      std::lock_guard lock{mutex};
      waiting.push_back(std::move(it));
    }
    wake.notify_one();
  }

  /// @returns whether nothing was under way; if so, the caller works alone until `end_work`.
  bool begin_work() {
    std::lock_guard lock{mutex};
    if (at_work || stopping || !waiting.empty())
      return false;
    return at_work = true;
  }

  void end_work() {
    {
      std::lock_guard lock{mutex};
      at_work = false;
      if (waiting.empty() && !stopping)
        return;
    }
    wake.notify_one();
  }

  /// The next task, with consecutive batches of entries joined; none when the runner stops.
  std::optional<task> next() {
    std::unique_lock lock{mutex};
    wake.wait(lock, [this] { return !at_work && (stopping || !waiting.empty()); });
    if (stopping)
      return std::nullopt;
    at_work = true;
    auto it = std::move(waiting.front());
    waiting.pop_front();
    while (!it.other && !waiting.empty() && !waiting.front().other &&
           it.entries.size() + waiting.front().entries.size() <= entries_at_once_max) {
      auto& more = waiting.front().entries;
      std::move(more.begin(), more.end(), std::back_inserter(it.entries));
      waiting.pop_front();
    }
    return it;
  }

  void run() {
    name_this_thread("atoll.state");
    while (auto it = next()) {
      try {
        if (it->other)
          it->other();
        else
          apply(it->entries);
      } catch (const std::exception& problem) { // out of memory, after a part of the task perhaps
        break_down({errc::io, std::string{"applying entries: "} + problem.what()});
      }
      end_work();
    }
  }

  /// Entries that others proposed: those that were proposed here are prepared already.
  void prepare(const std::vector<spi::committed_entry>& entries) {
    for (auto& entry : entries)
      if (entry.id == 0 && !entry.no_op)
        preparer.add(entry.command);
  }

  void break_down(const error& problem) {
    broken = true;
    calls.failed(problem);
  }

  void apply(const std::vector<spi::committed_entry>& entries) {
    if (broken || entries.empty())
      return;
    auto answers = machine.apply(entries);
    if (!answers)
      return break_down(answers.error());
    std::vector<std::pair<spi::request_id, std::string>> own;
    for (std::size_t i = 0; i < entries.size(); ++i)
      if (entries[i].id != 0 && i < answers->size())
        own.emplace_back(entries[i].id, std::move((*answers)[i]));
    calls.applied(entries.back().index, std::move(own));
    if (machine.flush_due())
      add({{}, [this] {
             if (machine.flush_due()) // another task may have flushed since
               flush();
           }});
  }

  /// A flush that is under way ends before the next one, so that memory is bounded.
  void flush() {
    end_flush();
    if (broken)
      return;
    auto write = machine.begin_flush();
    if (!write)
      return note_flushed(machine.flush());
    auto task = std::make_shared<std::packaged_task<status()>>(std::move(write));
    writing = task->get_future();
    boost::asio::post(flusher, [this, task] {
      name_this_thread("atoll.flush");
      (*task)();
      add({{}, [this] {
             // The task's own flush may have ended, and another one may be under way.
             if (writing.valid() &&
                 writing.wait_for(std::chrono::seconds{0}) == std::future_status::ready)
               end_flush();
           }});
    });
  }

  /// Waits for the writing of a flush that is under way.
  void end_flush() {
    if (!writing.valid())
      return;
    auto written = writing.get();
    if (!broken)
      note_flushed(machine.end_flush(written));
  }

  void note_flushed(const result<spi::log_index>& index) {
    if (index)
      calls.flushed(*index);
    else
      break_down(index.error());
  }

  /// Answers queries from memory, and removes these queries from the list.
  void try_query_in_memory(std::vector<query_request>& queries) {
    std::vector<std::pair<spi::request_id, std::string>> answers;
    std::erase_if(queries, [&](const query_request& it) {
      auto text = machine.try_query_in_memory(it.text);
      if (text)
        answers.emplace_back(it.id, std::move(*text));
      return text.has_value();
    });
    if (!answers.empty())
      calls.answered(std::move(answers));
  }

  void answer(const std::vector<query_request>& queries) {
    std::vector<std::pair<spi::request_id, std::string>> answers;
    answers.reserve(queries.size());
    for (auto& it : queries) {
      auto answer = machine.query(it.text);
      if (!answer)
        return calls.failed(answer.error()); // other replicas answer the rest
      answers.emplace_back(it.id, std::move(*answer));
    }
    calls.answered(std::move(answers));
  }

  void check_saved(const std::filesystem::path& folder, spi::log_index index,
                   const std::function<void(result<spi::log_index>)>& done) {
    auto checked = machine.check_saved(folder);
    if (checked)
      return done(index);
    if (checked.error().code == errc::corrupt)
      calls.failed(checked.error());
    done(tl::unexpected{checked.error()});
  }
};

state_runner::state_runner(state_machine& machine, std::size_t readers, callbacks calls)
    : impl_{std::make_unique<implementation>(machine, readers, std::move(calls))} {}

state_runner::~state_runner() = default;

void state_runner::prepare(std::string_view command) {
  impl_->preparer.add(command);
}

void state_runner::apply(std::vector<spi::committed_entry> entries) {
  if (entries.size() > entries_in_place_max || !impl_->begin_work()) {
    impl_->prepare(entries);
    return impl_->add({std::move(entries), {}});
  }
  if (impl_->machine.can_apply_inline())
    impl_->apply(entries);
  else
    impl_->add({std::move(entries), {}});
  impl_->end_work();
}

void state_runner::flush() {
  impl_->add({{}, [impl = impl_.get()] { impl->flush(); }});
}

void state_runner::query(std::vector<query_request> queries) {
  if (queries.size() <= queries_in_place_max && impl_->begin_work()) {
    impl_->try_query_in_memory(queries);
    impl_->end_work();
  }
  auto parts = std::clamp<std::size_t>(queries.size() / queries_per_part, 1,
                                       std::max<std::size_t>(impl_->reader_threads, 1));
  auto size = (queries.size() + parts - 1) / parts;
  for (std::size_t begin = 0; begin < queries.size(); begin += size) {
    auto first = queries.begin() + static_cast<std::ptrdiff_t>(begin);
    auto last = first + static_cast<std::ptrdiff_t>(std::min(size, queries.size() - begin));
    boost::asio::post(impl_->readers, [impl = impl_.get(), part = std::vector<query_request>(
                                                               std::make_move_iterator(first),
                                                               std::make_move_iterator(last))] {
      impl->answer(part);
    });
  }
}

void state_runner::save(std::filesystem::path folder,
                        std::function<void(result<spi::log_index>)> done) {
  impl_->add({{}, [impl = impl_.get(), to = std::move(folder), call = std::move(done)] {
                impl->end_flush();
                auto saved = impl->machine.save(to);
                if (!saved)
                  return call(std::move(saved));
                // Reading the whole copy takes long; neither entries nor queries wait for it.
                boost::asio::post(impl->checker, [impl, to, call, index = *saved] {
                  impl->check_saved(to, index, call);
                });
              }});
}

void state_runner::copy(std::filesystem::path folder,
                        std::function<void(result<spi::log_index>)> done) {
  impl_->add({{}, [impl = impl_.get(), to = std::move(folder), call = std::move(done)] {
                impl->end_flush();
                call(impl->machine.save(to));
              }});
}

void state_runner::load(std::filesystem::path folder,
                        std::function<void(result<spi::log_index>)> done) {
  impl_->add({{}, [impl = impl_.get(), from = std::move(folder), call = std::move(done)] {
                impl->end_flush();
                call(impl->machine.load(from));
              }});
}

} // namespace atl
