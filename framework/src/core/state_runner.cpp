#include <atoll/core/state_runner.hpp>

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>

namespace atl {

struct state_runner::implementation {
  implementation(state_machine& state, std::size_t reader_count, callbacks the_calls)
      : machine{state}, calls{std::move(the_calls)}, writer{1}, readers{reader_count} {}

  state_machine& machine;
  callbacks calls;
  bool broken = false; ///< used by the writer's thread alone
  boost::asio::thread_pool writer;
  boost::asio::thread_pool readers;

  void break_down(const error& problem) {
    broken = true;
    calls.failed(problem);
  }

  void apply(const std::vector<spi::decided_entry>& entries) {
    if (broken || entries.empty())
      return;
    auto answers = machine.apply(entries);
    if (!answers)
      return break_down(answers.error());
    std::vector<std::pair<spi::request_id, std::string>> own;
    for (std::size_t i = 0; i < entries.size(); ++i)
      if (entries[i].id != 0 && i < answers->size())
        own.emplace_back(entries[i].id, std::move((*answers)[i]));
    calls.applied(entries.back().position, std::move(own));
  }

  void flush() {
    if (broken)
      return;
    if (auto position = machine.flush())
      calls.flushed(*position);
    else
      break_down(position.error());
  }
};

state_runner::state_runner(state_machine& machine, std::size_t readers, callbacks calls)
    : impl_{std::make_unique<implementation>(machine, readers, std::move(calls))} {}

state_runner::~state_runner() {
  impl_->writer.stop();
  impl_->readers.stop();
  impl_->writer.join();
  impl_->readers.join();
}

void state_runner::apply(std::vector<spi::decided_entry> entries) {
  boost::asio::post(impl_->writer,
                    [impl = impl_.get(), list = std::move(entries)] { impl->apply(list); });
}

void state_runner::validate(std::uint64_t ticket, std::string command) {
  boost::asio::post(impl_->writer, [impl = impl_.get(), ticket, text = std::move(command)] {
    impl->calls.validated(ticket, impl->machine.objection(text));
  });
}

void state_runner::flush() {
  boost::asio::post(impl_->writer, [impl = impl_.get()] { impl->flush(); });
}

void state_runner::query(std::string question, std::function<void(std::string)> answer) {
  boost::asio::post(impl_->readers,
                    [impl = impl_.get(), text = std::move(question), done = std::move(answer)] {
                      done(impl->machine.query(text));
                    });
}

void state_runner::save(std::filesystem::path folder,
                        std::function<void(result<spi::log_position>)> done) {
  boost::asio::post(impl_->writer, [impl = impl_.get(), to = std::move(folder),
                                    call = std::move(done)] { call(impl->machine.save(to)); });
}

void state_runner::load(std::filesystem::path folder,
                        std::function<void(result<spi::log_position>)> done) {
  boost::asio::post(impl_->writer, [impl = impl_.get(), from = std::move(folder),
                                    call = std::move(done)] { call(impl->machine.load(from)); });
}

} // namespace atl
