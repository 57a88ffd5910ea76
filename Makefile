# Every target only calls an npm script; "npm run" lists them all.
.PHONY: clean-test docker-run docker-run-dependency run-migrate install-goose help run dev test coverage build format lint bench migrate migrate-up migrate-down migrate-status migrate-create seed clean

help:           ; @npm run
run:            ; npm start
dev:            ; npm run dev
test:           ; npm test
coverage:       ; npm run coverage
build:          ; npm run build
format:         ; npm run format
lint:           ; npm run lint
bench:          ; npm run bench -- $(NAME)
migrate:        ; npm run migrate -- $(or $(ACTION),up) $(VERSION)
migrate-up:     ; npm run migrate -- up
migrate-down:   ; npm run migrate -- down $(or $(N),1)
migrate-status: ; npm run migrate -- status
migrate-create: ; npm run migrate -- create $(NAME)
seed:           ; npm run seed -- $(or $(ACTION),demo)
clean:          ; npm run clean
clean-test:     ; @echo "Nothing to clean: npm test keeps no results between runs."
run-migrate:    ; npm run migrate -- up
install-goose:  ; @echo "Nothing to install: npm run migrate brings its own migrations up and down."
docker-run:     ; @echo "There is no image yet: npm start runs all of Usher, with its database."
docker-run-dependency: ; @echo "Nothing to run: npm start brings its own PostgreSQL, and one node needs no Redis."
