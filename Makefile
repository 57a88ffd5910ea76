# Every target only calls an npm script; "npm run" lists them all.
.PHONY: help run dev test coverage build format lint bench migrate migrate-up migrate-down migrate-status migrate-create seed clean

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
