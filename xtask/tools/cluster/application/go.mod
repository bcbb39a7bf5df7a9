module xtask.test/application

go 1.24.0
